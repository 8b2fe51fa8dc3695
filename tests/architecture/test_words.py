"""The engine knows no vendor and no word of the trade; the project mentions only itself."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

#: wrong as a word, or as a part of an identifier between capitals and underscores
WORDS = {
    *("adyen", "amazon", "avalara", "bigcommerce", "cybersource", "klarna", "magento", "mirakl"),
    *("netsuite", "paypal", "salesforce", "sap", "square", "stripe", "walmart", "woocommerce"),
    *("arts", "basket", "cart", "checkout", "disposition", "gtin", "merchandise", "merchant"),
    *("pos", "restock", "retail", "rma", "shopping", "sku", "tender", "till", "upc"),
}
#: wrong anywhere inside a word: nothing else has these letters in a row
FRAGMENTS = (
    *("customer", "inventory", "ledger", "marketplace", "poslog", "refund", "shopify"),
    *("storereturn", "warehouse"),
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
#: where a text may not point: written in pieces, so that this file does not find itself
MACHINE = re.compile("/" + r"(?:home/(?!me/)|root/|Users/|work/)[A-Za-z0-9_.-]+")
REGISTRIES = re.compile(
    r"\b(?:[a-z0-9.-]+\.)?(?:"
    + "|".join(
        (
            "py" + r"pi\.org",
            "python" + r"hosted\.org",
            "npm" + r"js\.(?:org|com)",
            "crates" + r"\.io",
            "proxy\\." + r"golang\.org",
            "docker" + r"\.io",
            "arti" + "factory",
        )
    )
    + r")\b"
)
MAKERS = re.compile(
    r"\b(?:"
    + "|".join(
        (
            "cla" + "ude",
            "anth" + "ropic",
            "chat" + "gpt",
            "open" + "ai",
            "co" + "pilot",
            "ll" + "ms?",
            "(?<!user-)(?<!user_)(?<!user )(?:sub-?)?ag" + "ents?",
            "(?:this|my|our|each|another|the|previous|next|coding|work(?:ing)?) ses" + "sions?",
            "the le" + "ad",
            "bri" + r"efs?/[a-z]+\.md",
        )
    )
    + r")\b",
    re.IGNORECASE,
)
BINARY = frozenset({".png", ".jpg", ".ico", ".woff2", ".gz", ".db"})


def test_the_engine_knows_no_word_of_the_trade(sources: Any) -> None:
    found = [
        f"{source.path}:{number} {word}"
        for source in sources
        if source.package == "router"
        for number, line in enumerate(source.text.splitlines(), start=1)
        for word in _trade_words(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("refund = 1", ["refund"]),
        ("def takeRefunds(): ...", ["refunds"]),
        ("SKU_MAP = {}", ["sku"]),
        ("self.rma_number", ["rma"]),
        ("# writes the subledger", ["subledger"]),
        ("recorder = Recorder(format, tendency, parts)", []),
        ("return order_by, store, transaction", []),
    ],
)
def test_the_search_finds_words_and_no_false_friends(line: str, words: list[str]) -> None:
    assert list(_trade_words(line)) == words


def test_no_text_names_a_machine_a_registry_or_how_it_was_made(root: Path) -> None:
    found = []
    for path in _tracked(root):
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            for pattern in (MACHINE, REGISTRIES, MAKERS):
                found += [f"{path}:{number} {match[0]}" for match in pattern.finditer(line)]
    assert found == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (MACHINE, "see /ho" + "me/jane/project"),
        (REGISTRIES, "https://files.python" + "hosted.org/x"),
        (MAKERS, "as the ag" + "ent said"),
        (MAKERS, "in this ses" + "sion"),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


@pytest.mark.parametrize("text", ["header user-agent", "session: {csrf: x}", 'scope="session"'])
def test_the_patterns_leave_the_words_of_the_field(text: str) -> None:
    assert not MAKERS.search(text)


def _trade_words(line: str) -> Iterator[str]:
    for match in _WORD.finditer(line):
        word = match[0].lower()
        if word in WORDS or word.removesuffix("s") in WORDS or any(p in word for p in FRAGMENTS):
            yield word


def _tracked(root: Path) -> list[str]:
    """Return the tracked files, apart from pictures and the like."""
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(
        [git, "ls-files", "-z"], cwd=root, capture_output=True, check=True, text=True
    ).stdout
    names = [one for one in listed.split("\0") if one]
    return [one for one in names if (root / one).is_file() and Path(one).suffix not in BINARY]
