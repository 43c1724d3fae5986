"""A model's file: its bytes, what wrote it, and for what is never read, how to make something of it that is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from seatrial.errors import InputError

Format = Literal["onnx", "xgboost", "lightgbm"]

MAX_BYTES = 2**31 - 1  # a protobuf message, and so an ONNX file, cannot be larger
_HEAD_BYTES = 512
_LEARNER_WITHIN = 64  # bytes: the first key of XGBoost's documents
_SUFFIXES: dict[str, Format] = {
    ".onnx": "onnx",
    ".json": "xgboost",
    ".ubj": "xgboost",
    ".bst": "xgboost",
    ".txt": "lightgbm",
}
_TAKEN = "Models are taken as ONNX (.onnx), XGBoost (.json, .ubj, .bst) and LightGBM (.txt): rename it, if it is one."

_SKLEARN = """Convert it once, where you trust it and have what made it:
  import joblib, skl2onnx
  onnx = skl2onnx.to_onnx(joblib.load("{name}"), X[:1], options={{"zipmap": False}})   # X: rows as it was fitted on
  open("{stem}.onnx", "wb").write(onnx.SerializeToString())
(XGBoost: model.save_model("{stem}.ubj"); LightGBM: booster.save_model("{stem}.txt"))"""
_TORCH = """Convert it once, where you trust it and have the module's code:
  rows = torch.export.Dim("rows")
  program = torch.onnx.export(module.eval(), (torch.zeros(2, COLUMNS),), dynamo=True, dynamic_shapes=({{0: rows}},))
  program.save("{stem}.onnx", external_data=False)"""
_KERAS = """Convert it once, where you trust it:
  keras.models.load_model("{name}").export("{stem}.onnx", format="onnx")"""
_TENSORFLOW = "Convert it: python -m tf2onnx.convert --saved-model {name} --output {stem}.onnx (--tflite for a .tflite)"
_CATBOOST = """Convert it once: CatBoost().load_model("{name}").save_model("{stem}.onnx", format="onnx")"""
_XGBOOST = (
    """Convert it once with XGBoost 2 or older: booster.load_model("{name}"); booster.save_model("{stem}.json")"""
)
_PLAIN = "Export the model to ONNX with the framework that it was trained in, as one file."

# Suffix → what such a file is, and the way out.
_REFUSED = {
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".sav", ".dill", ".cloudpickle"), ("a pickle", _SKLEARN)),
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".bin"), ("a PyTorch file, which is a pickle", _TORCH)),
    **dict.fromkeys((".h5", ".hdf5", ".keras"), ("a Keras file, which may hold code", _KERAS)),
    **dict.fromkeys((".pb", ".tflite"), ("a TensorFlow file", _TENSORFLOW)),
    ".cbm": ("a CatBoost file", _CATBOOST),
    ".mlmodel": ("a Core ML file", _PLAIN),
    ".safetensors": ("weights without the graph that uses them", _TORCH),
}
# First bytes → the same, whatever the suffix says.
_CONTENT = (
    (b"PK\x03\x04", "a zip archive, as torch.save and Keras write them", _TORCH),
    (b"\x89HDF", "an HDF5 file, as Keras writes them", _KERAS),
    (b"\x1f\x8b", "compressed, which a pickle often is", _SKLEARN),
    (b"BZh", "compressed, which a pickle often is", _SKLEARN),
    (b"\xfd7zXZ", "compressed, which a pickle often is", _SKLEARN),
    (b"CBM1", "a CatBoost file", _CATBOOST),
    (b"binf", "XGBoost's old binary format, which newer versions do not read", _XGBOOST),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file it stands for", "Fetch it: git lfs pull"),
)
_PICKLE = b"\x80"  # and a protocol number: every pickle since Python 2.3 that is not written as text
_PROTOCOLS = range(2, 6)
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")  # joblib's compression; RFC 1950


def read_file(path: Path) -> tuple[Format, bytes]:
    """The format and the bytes of a model's file; an `InputError` for what is no model, or one that may hold code."""
    if path.is_dir():
        raise InputError(
            "the path is a folder, where a model's file was expected.",
            path=str(path),
            hint=f"Name the model's file. {_way(_TENSORFLOW, path)} if it is one.",
        )
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
            file_format = _format(path, head)
            if size > MAX_BYTES:
                raise InputError(
                    f"the file has {size / 2**30:.1f} GiB; a model in one file has less than 2.",
                    path=str(path),
                    hint="Store its weights as float16, or prune it: tensors in other files are not taken.",
                )
            stream.seek(0)
            return file_format, stream.read()
    except FileNotFoundError:
        raise InputError("the file does not exist.", path=str(path)) from None
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}.", path=str(path)) from None


def _format(path: Path, head: bytes) -> Format:
    suffix = path.suffix.lower()
    if not head:
        raise InputError("the file is empty.", path=str(path), hint="Export or fetch the model again.")
    if (head[:1] == _PICKLE and head[1] in _PROTOCOLS) or head[:2] in _ZLIB:
        what, how = _REFUSED.get(suffix, ("", ""))
        raise _refused(path, "a pickle", how if "pickle" in what else _SKLEARN)
    for start, what, how in _CONTENT:
        if head.startswith(start):
            raise _refused(path, what, _REFUSED[suffix][1] if suffix in _REFUSED else how)
    if head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        raise InputError(
            "the file is a web page.", path=str(path), hint="Fetch the file itself, not the page about it."
        )
    if suffix in _REFUSED:
        raise _refused(path, *_REFUSED[suffix])
    if suffix not in _SUFFIXES:
        suffixes = ", ".join(_SUFFIXES)
        raise InputError(f'unknown model file extension "{suffix}". Known: {suffixes}.', path=str(path), hint=_TAKEN)
    return _SUFFIXES[suffix]


def _refused(path: Path, what: str, how: str) -> InputError:
    never = " It is never loaded: loading one runs the code in it." if "pickle" in what or "code" in what else ""
    return InputError(
        f"the file is {what}, not a model that can be taken.{never}", path=str(path), hint=_way(how, path)
    )


def _way(how: str, path: Path) -> str:
    return how.format(name=path.name, stem=path.stem)
