#!/usr/bin/env python3
"""Regenerates parq-runtime's golden conversations: what transformers makes of chat templates, and a tiny model that chats.

    python reference/chat_golden.py             write the folder golden of parq-runtime's test resources
    python reference/chat_golden.py --check     compare it with its checksums
    python reference/chat_golden.py --output D  write the folder D instead

README.md beside this file describes the folder.
"""

import json
import os
import sys
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["HF_HUB_OFFLINE"] = "1"
sys.dont_write_bytecode = True

from golden import folder  # noqa: E402

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parent / "parq-runtime/src/test/resources/golden"
TOKENIZER = HERE.parent / "parq-torch/src/test/resources/golden/tokenizer/tokenizer.json"
NEW_TOKENS = 48
MARGIN = 0.02

CONVERSATIONS = {
    "question": [{"role": "user", "content": "Hi  there\n"}],
    "system": [
        {"role": "system", "content": ' Be "brief".\n'},
        {"role": "user", "content": "Größe <b>&amp; 'x' {{ 1 }} {% if %} 東京 🙂"},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nok"},
        {"role": "user", "content": "bye"},
    ],
    "answered": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "<think>\nb\n</think>\n\nc"},
    ],
    "empty answer": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "c\\n"},
    ],
    "wrong order": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}],
    "tool": [{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}, {"role": "tool", "content": "c"}],
}
VARIABLES = {"bos_token": "<s>", "eos_token": "</s>", "today": "22 Nov 2026"}


def template_cases():
    from transformers.utils.chat_template_utils import render_jinja_template

    cases = []
    templates = {path.stem: path.read_text(encoding="utf-8") for path in sorted((HERE / "templates").glob("*.jinja"))}
    for stem, template in templates.items():
        for name, messages in CONVERSATIONS.items():
            for prompt in (True, False):
                for more in ({}, {"enable_thinking": False}) if stem == "qwen3" and prompt else ({},):
                    variables = VARIABLES | more
                    case = {"template": stem, "conversation": name, "prompt": prompt, "variables": variables}
                    try:
                        texts, _ = render_jinja_template(
                            conversations=[messages], chat_template=template, add_generation_prompt=prompt, **variables
                        )
                        case["text"] = texts[0]
                    except Exception as e:  # what a template raises, and what Jinja does
                        case["error"] = str(e)
                    cases.append(case)
    return {"templates": templates, "conversations": CONVERSATIONS, "cases": cases}


def write_chat_model(folder):
    """A random Llama with a tokenizer, and what transformers answers with it."""
    import torch
    from tokenizers import Tokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    tokenizer.add_special_tokens(["<|system|>", "<|user|>", "<|assistant|>"])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>")
    fast.chat_template = (
        "{% for message in messages %}{{ '<|' + message.role + '|>' + message.content | trim + eos_token }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
    )
    fast.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=fast.eos_token_id,
        dtype="bfloat16",
    )
    for seed in range(1000):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.normal_(1 if "norm" in name else 0, 0.4)
                parameter.copy_(parameter.bfloat16())
        answers = chat_answers(fast, model.float())
        if answers is not None:
            model.to(torch.bfloat16).save_pretrained(folder)
            return answers
    raise AssertionError("no seed without near ties")


def chat_answers(fast, model):
    """Greedy answers; None if a token was chosen by so little that rounding could change it."""
    answers = []
    for name in ("question", "system", "answered"):
        messages = CONVERSATIONS[name] + ([{"role": "user", "content": "go on"}] if name == "answered" else [])
        ids = fast.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")["input_ids"]
        tokens = []
        for penalty in (1.0, 1.3):
            result = model.generate(
                ids,
                max_new_tokens=NEW_TOKENS,
                do_sample=False,
                repetition_penalty=penalty,
                output_scores=True,
                return_dict_in_generate=True,
            )
            for scores in result.scores:
                best = scores[0].topk(2).values
                if best[0] - best[1] < MARGIN:
                    return None
            tokens.append(result.sequences[0, ids.shape[1] :].tolist())
        text = fast.decode(tokens[0], skip_special_tokens=True)
        answers.append(
            {"messages": messages, "ids": ids[0].tolist(), "answer": tokens[0], "text": text, "penalized": tokens[1]}
        )
    return answers


def sampling_cases():
    """Which tokens transformers' processors leave, and how likely they are."""
    import torch
    from transformers.generation import logits_process as lp

    cases = []
    generator = torch.Generator().manual_seed(9)
    for case in range(24):
        logits = (torch.randn(40, generator=generator) * 2.5).float()
        if case % 4 == 3:
            logits = (logits * 2).round() / 2  # ties
        ids = torch.randint(40, (1, 9), generator=generator)
        pick = lambda values: values[int(torch.randint(len(values), (1,), generator=generator))]  # noqa: E731
        penalty, temperature = pick([1.0, 1.2, 0.8]), pick([1.0, 0.7, 1.6])
        top_k, top_p, min_p = pick([0, 3, 10]), pick([1.0, 0.9, 0.4]) if case % 4 != 3 else 1.0, pick([0.0, 0.05, 0.3])
        scores = lp.RepetitionPenaltyLogitsProcessor(penalty)(ids, logits[None].clone()) if penalty != 1 else logits[None]
        scores = lp.TemperatureLogitsWarper(temperature)(ids, scores)
        scores = lp.TopKLogitsWarper(top_k)(ids, scores) if top_k else scores
        scores = lp.TopPLogitsWarper(top_p)(ids, scores) if top_p < 1 else scores
        scores = lp.MinPLogitsWarper(min_p)(ids, scores) if min_p else scores
        cases.append(
            {
                "logits": logits.tolist(),
                "ids": ids[0].tolist(),
                "repetition_penalty": penalty,
                "temperature": temperature,
                "top_k": top_k,
                "top_p": top_p,
                "min_p": min_p,
                "probabilities": scores.double().softmax(-1)[0].tolist(),
            }
        )
    return cases


def write(work):
    import torch
    import transformers

    torch.set_num_threads(1)
    (work / "chat").mkdir()
    files = {
        "templates.json": template_cases(),
        "answers.json": write_chat_model(work / "chat"),
        "sampling.json": sampling_cases(),
    }
    for name, content in files.items():
        (work / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    (work / "SOURCE.txt").write_text(f"reference/chat_golden.py with {versions}\n", encoding="ascii")


if __name__ == "__main__":
    sys.exit(folder.main(__doc__.splitlines()[0], GOLDEN, write))
