#!/usr/bin/env python3
"""Compares Probity's recognisers with Presidio's default configuration on the evaluation set.

    cargo run -q --release -p pii --example evaluation > set.jsonl
    python3 bench/presidio.py set.jsonl [FOLDER]

Presidio is installed into FOLDER (default: .cache/presidio), nowhere else. Its default configuration is
`AnalyzerEngine()` for English. When the language model that it wants cannot be downloaded, the same pattern
recognisers run on a blank model, which has no names but all that is compared here; the output says so.

A finding counts when the kind is right and the spans overlap by half of their union; that is kinder than
the test of our own, which wants the exact span.
"""

import collections
import json
import pathlib
import subprocess
import sys
import time
import venv

# What both call something. Kinds that Presidio's default configuration does not have are listed as missing.
SHARED = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "IBAN_CODE": "iban",
    "CREDIT_CARD": "card",
    "IP_ADDRESS": "ip_address",
    "MAC_ADDRESS": "mac_address",
    "ES_NIF": "es_dni",
    "ES_NIE": "es_nie",
    "IT_FISCAL_CODE": "it_codice_fiscale",
    "PL_PESEL": "pl_pesel",
    "FI_PERSONAL_IDENTITY_CODE": "fi_hetu",
    "SE_PERSONNUMMER": "se_personnummer",
    "DE_TAX_ID": "de_tax_id",
}


def install(folder):
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        venv.create(folder / "venv", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "presidio-analyzer"], check=True)
    return python


def blank_engine():
    """Presidio with its own default recognisers on a model that only splits words."""
    import spacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Blank(SpacyNlpEngine):
        def __init__(self):
            super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
            self.nlp = {"en": spacy.blank("en")}

        def load(self):
            pass

    return AnalyzerEngine(nlp_engine=Blank(), supported_languages=["en"])


def every_recogniser(engine):
    """Also the recognisers of other countries that Presidio ships but does not switch on."""
    import presidio_analyzer.predefined_recognizers as shipped
    from presidio_analyzer import PatternRecognizer

    have = {one.name for one in engine.registry.recognizers}
    for name in sorted(dir(shipped)):
        kind = getattr(shipped, name)
        if not isinstance(kind, type) or not issubclass(kind, PatternRecognizer) or kind is PatternRecognizer:
            continue
        try:
            one = kind(supported_language="en")
        except Exception:
            continue
        if one.name not in have and set(one.supported_entities) & set(SHARED):
            engine.registry.add_recognizer(one)
    return engine


def engines():
    from presidio_analyzer import AnalyzerEngine

    try:
        import en_core_web_lg  # noqa: F401

        print("Presidio: default configuration with en_core_web_lg")
        return AnalyzerEngine(), every_recogniser(AnalyzerEngine())
    except ImportError:
        print("Presidio: default recognisers on a blank model, since en_core_web_lg is not installed (no names)")
        return blank_engine(), every_recogniser(blank_engine())


def overlap(left, right):
    both = min(left["end"], right["end"]) - max(left["start"], right["start"])
    union = max(left["end"], right["end"]) - min(left["start"], right["start"])
    return both / union if union else 0


def add(score, wanted, found):
    left = list(found)
    for span in wanted:
        match = next((one for one in left if one["kind"] == span["kind"] and overlap(one, span) >= 0.5), None)
        score[span["kind"]]["right" if match else "missed"] += 1
        if match:
            left.remove(match)
    for one in left:
        score[one["kind"]]["wrong"] += 1


def analysed(engine, text):
    entities = set(SHARED) & set(engine.get_supported_entities(language="en"))
    results = engine.analyze(text=text, language="en", entities=sorted(entities))
    return [{"kind": SHARED[one.entity_type], "start": one.start, "end": one.end} for one in results]


def measure(path):
    samples = [json.loads(line) for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines()]
    size = sum(len(sample["text"].encode()) for sample in samples)
    ours = collections.defaultdict(collections.Counter)
    for sample in samples:
        add(ours, sample["spans"], sample["found"])
    columns = {"Probity": ours}
    for name, engine in zip(("Presidio", "Presidio, all on"), engines()):
        score = collections.defaultdict(collections.Counter)
        begun = time.perf_counter()
        for sample in samples:
            add(score, sample["spans"], analysed(engine, sample["text"]))
        print(f"{name}: {size / (time.perf_counter() - begun) / 1e6:.3f} MB/s over {len(samples)} texts")
        columns[name] = score
    show(columns)


def show(columns):
    print(f"{'kind':22}" + "".join(f"{name + ': precision, recall':>38}" for name in columns))
    for kind in sorted(columns["Probity"]):
        row = f"{kind:22}"
        for name, score in columns.items():
            row += f"{cell(score[kind], name != 'Probity' and kind not in SHARED.values()):>38}"
        print(row)


def cell(score, foreign):
    right, missed, wrong = score["right"], score["missed"], score["wrong"]
    if foreign or right + wrong == 0:
        return "-"
    return f"{right / (right + wrong):.4f}  {right / max(1, right + missed):.4f}"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        import presidio_analyzer  # noqa: F401
    except ImportError:
        folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ".cache/presidio").resolve()
        folder.mkdir(parents=True, exist_ok=True)
        sys.exit(subprocess.run([install(folder), __file__, sys.argv[1]]).returncode)
    measure(sys.argv[1])


if __name__ == "__main__":
    main()
