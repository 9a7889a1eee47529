#!/bin/sh
# Times Jlama's Q4 and parq-runtime's 4 bits in groups of 32 on one model of random weights in the
# shape of Llama 3.2 1B (see BenchJlama.java).
#
#   bench.sh [LAYERS [PROMPT [TOKENS [ROUNDS]]]]     by default 16 layers, 64, 16 and 5
#
# Needs JDK 25 (JAVA_HOME or on PATH) and Maven, which fetches Jlama; writes 4 GB below target.

set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
layers=${1:-16}
bin=${JAVA_HOME:+$JAVA_HOME/bin/}
target=$here/target
model=$target/model-$layers

mkdir -p "$target/classes"
mvn -q -B -ntp -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$target/lib"
"$root/parq" --version >/dev/null # builds it
parq=$(cat "$root/parq-cli/target/fast/classpath.txt")
class_path=$target/classes:$parq:$target/lib/*
"${bin}javac" -nowarn -cp "$class_path" -d "$target/classes" "$here/BenchJlama.java"

bench() {
  "${bin}java" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED \
    -cp "$class_path" BenchJlama "$@"
}

if [ ! -d "$model/jlama" ]; then
  rm -rf "$model"
  bench make "$model" "$layers"
  bench jlama "$model" "$model/jlama"
  "$root/parq" quantize "$model" "$model/parq.safetensors" --target parq --bits 4 \
    --granularity group:32 --scale-type bf16 | tail -n 1
  rm "$model/model.safetensors"
fi
for kernels in native java; do
  bench run "$kernels" "$model/jlama" "$model/parq.safetensors" "${2:-64}" "${3:-16}" "${4:-5}"
done
