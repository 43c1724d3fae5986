"""What a `Trained` says of its model: task, classes, the positive one and its threshold."""

from __future__ import annotations

from seatrial.errors import InputError
from seatrial.models.signature import Signature
from seatrial.models.trained import Trained


def signature_of(trained: Trained) -> Signature:
    """What the packaged model takes and gives; `InputError` where classes, positive and threshold do not fit."""
    classes, inputs = trained.classes, () if trained.codec is None else trained.codec.columns
    if len(set(classes)) != len(classes) or len(classes) == 1:
        raise InputError(
            f"the classes are {list(classes)}.",
            path="Trained.classes",
            hint="Name at least two different classes, or none for a regression.",
        )
    if len(classes) != 2:
        if trained.positive is not None:
            raise InputError(
                f"a positive class belongs to two classes, not to {len(classes)}.",
                path="Trained.positive",
                hint="Leave it out.",
            )
        return Signature(inputs, "multiclass" if classes else "regression", classes)
    if trained.positive not in classes:
        raise InputError(
            f"{trained.positive!r} is none of the classes {list(classes)}.",
            path="Trained.positive",
            hint="Name the class whose logit the model gives.",
        )
    if not 0 <= trained.threshold <= 1:
        raise InputError(f"threshold must be between 0 and 1, got {trained.threshold:g}.", path="Trained.threshold")
    return Signature(inputs, "binary", classes, trained.positive, float(trained.threshold))


def agreed_classes(trained: Trained, own_classes: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The classes in the model's order: its own, or what `Trained.classes` calls its numbers 0, 1, …."""
    declared = trained.classes
    if own_classes is None or not declared or set(declared) == set(own_classes):
        return own_classes or declared or None
    if len(declared) == len(own_classes) and own_classes == tuple(str(number) for number in range(len(own_classes))):
        return declared
    raise InputError(
        f"the classes are {list(declared)}, and the model's own are {list(own_classes)}.",
        path="Trained.classes",
        hint="Leave them out, or give one name for each in the model's order where its own are 0, 1, ….",
    )


def check_positive(trained: Trained, classes: tuple[str, ...]) -> None:
    """An `InputError` unless the positive class and the threshold fit the classes."""
    if trained.positive is not None and (len(classes) != 2 or trained.positive not in classes):
        raise InputError(
            f"{trained.positive!r} is none of two classes {list(classes)}.",
            path="Trained.positive",
            hint="Name one of two classes, or leave it out.",
        )
    if not 0 <= trained.threshold <= 1:
        raise InputError(f"threshold must be between 0 and 1, got {trained.threshold:g}.", path="Trained.threshold")
