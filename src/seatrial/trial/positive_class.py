"""Which of two classes is the positive one, as far as their names tell: the one that the other is the absence of."""

from __future__ import annotations

from collections.abc import Sequence

# The absence, then what it is the absence of. "good" and "bad" are no such pair: of loans the bad one is the event, of
# reviews the good one.
_PAIRS = frozenset(
    {
        ("no", "yes"),
        ("n", "y"),
        ("false", "true"),
        ("f", "t"),
        ("0", "1"),
        ("0.0", "1.0"),
        ("-1", "1"),
        ("-1.0", "1.0"),
        ("off", "on"),
        ("negative", "positive"),
        ("neg", "pos"),
        ("absent", "present"),
        ("nein", "ja"),
        ("falsch", "wahr"),
        ("non", "oui"),
        ("faux", "vrai"),
        ("no", "si"),
        ("no", "sí"),
        ("no", "sì"),
        ("falso", "vero"),
        ("falso", "verdadero"),
        ("não", "sim"),
        ("nao", "sim"),
        ("nee", "ja"),
        ("nej", "ja"),
        ("nei", "ja"),
        ("nie", "tak"),
        ("ne", "ano"),
        ("нет", "да"),
        ("否", "是"),
        ("いいえ", "はい"),
        ("아니요", "예"),
        ("ham", "spam"),
        ("benign", "malignant"),
    }
)
# Such a class is what its data is about, whatever the other one is called.
_EVENTS = frozenset(
    {
        "yes",
        "true",
        "positive",
        "default",
        "defaulted",
        "fraud",
        "fraudulent",
        "spam",
        "churn",
        "churned",
        "sick",
        "diseased",
        "malignant",
        "defect",
        "defective",
        "anomaly",
        "attack",
    }
)
_NEGATIONS = (
    "no ",
    "not ",
    "non ",
    "non-",
    "non_",
    "no_",
    "not_",
    "nicht ",
    "kein ",
    "keine ",
    "pas ",
    "sin ",
    "without ",
)
_COMPARISONS = (("<=", ">"), ("<", ">="), ("≤", ">"), ("<", "≥"))


def known_positive(classes: Sequence[str]) -> str | None:
    """Of two classes the one that their names tell; None where they do not, or there are not two.

    >>> known_positive(["ja", "nein"]), known_positive(["<=50K", ">50K"]), known_positive(["smoker", "non-smoker"])
    ('ja', '>50K', 'smoker')
    >>> known_positive(["good", "bad"]) is None
    True
    """
    if len(classes) != 2:
        return None
    hits = [name for name, absence in (classes, reversed(classes)) if _is_absence(_folded(absence), _folded(name))]
    hits = hits or [name for name in classes if _folded(name) in _EVENTS]
    return hits[0] if len(hits) == 1 else None


def _is_absence(absence: str, name: str) -> bool:
    if (absence, name) in _PAIRS or any(absence == f"{negation}{name}" for negation in _NEGATIONS):
        return True
    return any(
        absence.startswith(low) and name.startswith(high) and absence.removeprefix(low) == name.removeprefix(high)
        for low, high in _COMPARISONS
    )


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
