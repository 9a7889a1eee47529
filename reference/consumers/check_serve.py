#!/usr/bin/env python3
"""OpenAI's own client against parq serve: chat, completions, streams, errors; then many clients at a time.

    python check_serve.py FOLDER

FOLDER/server.json has "url" of the API, "model", "key", "clients" and "seconds". The caller has started the server. Each answer
is compared with that which the same request got alone.
"""

import asyncio
import json
import random
import sys
import time
from pathlib import Path

import openai

PROMPTS = ["LATIN SMALL LETTER A", "GREEK OMEGA", "東京 Größe 🙂", "HEBREW " * 40, "x"]


def fail(message):
    sys.exit(f"check_serve: {message}")


def expect(condition, message):
    if not condition:
        fail(message)


def request(seed):
    """Half of the requests are greedy, the others drawn with a seed."""
    settings = {"temperature": 0} if seed % 2 else {"temperature": 1.2, "top_p": 0.95, "seed": seed}
    return settings | {"max_tokens": 16 + seed % 5 * 12}


def check_calls(client, model):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROMPTS[2]}]
    whole = client.chat.completions.create(model=model, messages=messages, temperature=0, max_tokens=24)
    text = whole.choices[0].message.content
    expect(whole.usage.completion_tokens <= 24 and whole.usage.prompt_tokens > 4, f"usage {whole.usage}")
    expect(whole.choices[0].finish_reason in ("stop", "length"), f"finish reason {whole.choices[0].finish_reason}")
    stream = client.chat.completions.create(
        model=model, messages=messages, temperature=0, max_tokens=24, stream=True, stream_options={"include_usage": True}
    )
    pieces, usage = [], None
    for chunk in stream:
        pieces += [choice.delta.content or "" for choice in chunk.choices]
        usage = chunk.usage or usage
    expect("".join(pieces) == text, f"streamed {pieces}, expected {text!r}")
    expect(usage.completion_tokens == whole.usage.completion_tokens, f"usage of the stream {usage}")
    completion = client.completions.create(model=model, prompt=PROMPTS[0], temperature=0, max_tokens=24, n=2)
    expect(len(completion.choices) == 2, f"{len(completion.choices)} choices")
    expect(completion.choices[0].text == completion.choices[1].text, "greedy choices differ")
    half = completion.choices[0].text[len(completion.choices[0].text) // 2 :][:3]
    stopped = client.completions.create(model=model, prompt=PROMPTS[0], temperature=0, max_tokens=24, stop=[half])
    expect(half not in stopped.choices[0].text and stopped.choices[0].finish_reason == "stop", f"stopped {stopped}")
    streamed = client.completions.create(model=model, prompt=PROMPTS[0], temperature=0, max_tokens=24, stream=True)
    expect("".join(c.choices[0].text for c in streamed) == completion.choices[0].text, "completions streamed")
    expect([m.id for m in client.models.list()] == [model], "models")


def check_errors(client, url, model):
    def refused(error, status, param, call):
        try:
            call()
        except error as e:
            expect(e.status_code == status and e.param == param, f"{status} {param}, found {e.status_code} {e.param}")
        else:
            fail(f"expected {error.__name__}")

    user = [{"role": "user", "content": "a"}]
    chat = client.chat.completions.create
    refused(openai.BadRequestError, 400, "temperature", lambda: chat(model=model, messages=user, temperature=5))
    refused(openai.BadRequestError, 400, "messages", lambda: chat(model=model, messages=[]))
    refused(openai.BadRequestError, 400, "logprobs", lambda: chat(model=model, messages=user, logprobs=True))
    long = [{"role": "user", "content": "Q" * 5000}]
    refused(openai.BadRequestError, 400, "messages", lambda: chat(model=model, messages=long))
    refused(openai.NotFoundError, 404, "model", lambda: chat(model="none", messages=user))
    other = openai.OpenAI(base_url=url, api_key="wrong", max_retries=0)
    refused(openai.AuthenticationError, 401, None, lambda: other.models.list())


async def answer(client, model, seed, stream):
    messages = [{"role": "user", "content": f"{PROMPTS[seed % len(PROMPTS)]} {seed}"}]
    reply = await client.chat.completions.create(model=model, messages=messages, stream=stream, **request(seed))
    if not stream:
        return reply.choices[0].message.content, reply.choices[0].finish_reason
    pieces, reason = [], None
    async for chunk in reply:
        for choice in chunk.choices:
            pieces.append(choice.delta.content or "")
            reason = choice.finish_reason or reason
    return "".join(pieces), reason


async def load(settings):
    client = openai.AsyncOpenAI(base_url=settings["url"], api_key=settings["key"], max_retries=0, timeout=120)
    model, clients = settings["model"], settings["clients"]
    alone = [await answer(client, model, seed, True) for seed in range(3 * clients)]
    end = time.monotonic() + settings["seconds"]
    counts = {"answers": 0, "streams": 0, "abandoned": 0, "characters": 0}
    slowest = 0.0

    async def run(index):
        nonlocal slowest
        draw = random.Random(index)
        while time.monotonic() < end:
            seed, stream = draw.randrange(len(alone)), draw.random() < 0.8
            start = time.monotonic()
            if draw.random() < 0.05:  # a client that goes away
                try:
                    await asyncio.wait_for(answer(client, model, seed, True), draw.random() * 0.05)
                except (TimeoutError, asyncio.TimeoutError):
                    counts["abandoned"] += 1
                continue
            found = await answer(client, model, seed, stream)
            expect(found == alone[seed], f"client {index}, seed {seed}: {found}, expected {alone[seed]}")
            counts["answers"] += 1
            counts["streams"] += stream
            counts["characters"] += len(found[0])
            slowest = max(slowest, time.monotonic() - start)

    await asyncio.gather(*(run(index) for index in range(clients)))
    print(f"{clients} clients, {settings['seconds']} s: {counts}, slowest answer {slowest:.2f} s")
    print(f"summary: openai {openai.__version__}: calls and {counts['answers']} answers to {clients} clients as expected")


def main():
    settings = json.loads((Path(sys.argv[1]) / "server.json").read_text(encoding="utf-8"))
    client = openai.OpenAI(base_url=settings["url"], api_key=settings["key"], max_retries=0)
    check_calls(client, settings["model"])
    check_errors(client, settings["url"], settings["model"])
    print(f"openai {openai.__version__}: chat, completions, streams and errors are as expected")
    asyncio.run(load(settings))


if __name__ == "__main__":
    main()
