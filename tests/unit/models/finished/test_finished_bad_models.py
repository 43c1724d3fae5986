from __future__ import annotations

import contextlib
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from seatrial.errors import InputError
from seatrial.models.finished import ModelOptions, open_finished
from seatrial.models.finished.file_format import MAX_BYTES
from tests.finished_models import matrix_model, model, opened, softmax_model, table

NODE = helper.make_node
FLOAT = TensorProto.FLOAT
ONE_SCREEN = 1600  # characters: 20 lines of 80


class Armed:
    """Whoever loads a pickle of it raises."""

    def __reduce__(self) -> tuple[object, ...]:
        return _fired, ()


def _fired() -> None:
    raise AssertionError("a pickle was loaded")


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps(Armed()))
    return stream.getvalue()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.sav", "model.onnx", "model.txt", "model.json"])
def test_a_pickle_is_never_loaded_whatever_its_suffix(tmp_path: Path, name: str, protocol: int) -> None:
    with pytest.raises(InputError, match=r"the file is a pickle.*It is never loaded") as error:
        opened(tmp_path, pickle.dumps(Armed(), protocol), name=name)
    assert "skl2onnx.to_onnx" in str(error.value)


@pytest.mark.parametrize(
    ("name", "data", "problem", "way"),
    [
        ("m.pt", zipped(), "a zip archive", "torch.onnx.export(module.eval()"),
        ("m.pth", pickle.dumps(Armed()), "a pickle", "torch.onnx.export(module.eval()"),
        ("pytorch_model.bin", zipped(), "a zip archive", 'program.save("pytorch_model.onnx", external_data=False)'),
        ("m.onnx", zipped(), "a zip archive", "torch.onnx.export"),
        ("m.keras", zipped(), "a zip archive", 'keras.models.load_model("m.keras").export("m.onnx", format="onnx")'),
        ("m.h5", b"\x89HDF\r\n\x1a\n", "an HDF5 file", 'format="onnx"'),
        ("m.mlmodel", b"\x08\x01", "a Core ML file", "Export the model to ONNX with the framework"),
        ("m.pkl", b"cposix\nsystem\n", "a pickle", "skl2onnx.to_onnx(joblib.load(\"m.pkl\")"),
        ("m.pkl.gz", b"\x1f\x8b\x08", "compressed", "joblib.load"),
        ("m.joblib", b"\x78\x9c\x00", "a pickle", "joblib.load"),
        ("m.cbm", b"CBM1", "a CatBoost file", 'save_model("m.onnx", format="onnx")'),
        ("m.pb", b"\x0a", "a TensorFlow file", "tf2onnx"),
        ("m.onnx", b"version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS", "git lfs pull"),
        ("m.onnx", b"\n<!DOCTYPE html><html>", "a web page", "Fetch the file itself"),
        ("m.onnx", b"", "the file is empty", "again"),
        ("m.xyz", b"hello", 'unknown model file extension ".xyz". Known: .onnx, .json,', "ONNX (.onnx)"),
        ("m.onnx", b"hello, this is no model", "not a valid ONNX model", "cut off"),
    ],
)  # fmt: skip
def test_what_is_no_model_is_told_from_one_with_the_way_out(
    tmp_path: Path, name: str, data: bytes, problem: str, way: str
) -> None:
    with pytest.raises(InputError) as error:
        opened(tmp_path, data, name=name)
    said = str(error.value)
    assert said.startswith(f"{tmp_path / name}: ")
    assert problem in said
    assert way in said
    assert len(said) - len(str(tmp_path)) < ONE_SCREEN


def test_a_file_that_is_not_there_and_a_folder_are_named(tmp_path: Path) -> None:
    for path, problem in (
        (tmp_path / "none.onnx", "the file does not exist"),
        (tmp_path, "the path is a folder, where a model's file was expected"),
    ):
        with pytest.raises(InputError, match=problem):
            open_finished(path, schema=table().schema, label="y", labels=None, options=ModelOptions())


def test_a_file_of_two_gigabytes_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as stream:
        stream.write(b"\x08\x08")
        stream.truncate(MAX_BYTES + 1)  # sparse: takes no room
    with pytest.raises(InputError, match=r"the file has 2\.0 GiB; a model in one file has less than 2"):
        open_finished(path, schema=table().schema, label="y", labels=None, options=ModelOptions())


def changed(change: Callable[[onnx.ModelProto], object]) -> onnx.ModelProto:
    made = softmax_model()
    change(made)
    return made


def test_external_data_is_refused_by_its_tensor(tmp_path: Path) -> None:
    def change(made: onnx.ModelProto) -> None:
        held = made.graph.initializer[0]
        held.data_location = TensorProto.EXTERNAL
        held.external_data.add(key="location", value="weights.bin")

    with pytest.raises(InputError, match=r"its tensor 'w' lies in another file.*external_data=False"):
        opened(tmp_path, changed(change))


def test_a_custom_operator_is_refused_by_its_name(tmp_path: Path) -> None:
    def change(made: onnx.ModelProto) -> None:
        made.graph.node[1].domain = "com.acme"
        made.opset_import.append(helper.make_opsetid("com.acme", 1))

    with pytest.raises(InputError, match=r"model\.onnx: the model cannot be used: it .*com\.acme"):
        opened(tmp_path, changed(change))


def test_what_onnxruntime_optimised_is_refused_with_the_way_out(tmp_path: Path) -> None:
    def change(made: onnx.ModelProto) -> None:
        made.graph.node[1].domain = "com.microsoft"
        made.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    with pytest.raises(InputError, match="as it was before onnxruntime optimised or quantised it"):
        opened(tmp_path, changed(change))


def test_an_operator_set_that_no_node_uses_is_forgotten(tmp_path: Path) -> None:
    def change(made: onnx.ModelProto) -> None:
        made.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    assert opened(tmp_path, changed(change)).predictor.predict(table()).labels.shape == (200,)


@pytest.mark.parametrize(("opset", "problem"), [(99, "version 99 of ai.onnx"), (7, "opset 7")])
def test_an_operator_set_too_new_or_too_old_is_named(tmp_path: Path, opset: int, problem: str) -> None:
    def change(made: onnx.ModelProto) -> None:
        made.opset_import[0].version = opset

    with pytest.raises(InputError, match=problem):
        opened(tmp_path, changed(change))


def logarithm_of(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    """A model whose answers are NaN where what the nodes make of "x" is negative."""
    tail = [NODE("Log", ["b"], ["l"]), NODE("MatMul", ["l", "w"], ["m"]), NODE("Softmax", ["m"], ["p"], axis=1)]
    return matrix_model([*nodes, *tail], [("p", FLOAT, ["n", 2])])


def test_answers_of_nan_everywhere_are_named_by_tensor(tmp_path: Path) -> None:
    finished = logarithm_of(NODE("Abs", ["x"], ["a"]), NODE("Neg", ["a"], ["b"]))
    with pytest.raises(InputError, match='output "p" is NaN for each of the first 200 rows'):
        opened(tmp_path, finished)


def test_a_model_that_answers_some_of_the_rows_is_opened(tmp_path: Path) -> None:
    """How many it answers is measured."""
    answers = opened(tmp_path, logarithm_of(NODE("Identity", ["x"], ["b"]))).predictor.predict(table())
    assert 0 < answers.unanswered.sum() < len(answers.labels)


def test_answers_for_other_numbers_of_rows_are_refused(tmp_path: Path) -> None:
    finished = matrix_model(
        [NODE("ReduceMean", ["z"], ["out"], axes=[0], keepdims=1)], [("out", FLOAT, [1, 2])], opset=13
    )
    with pytest.raises(InputError, match=r'"out" has the shape \[1, 2\] for 200 rows.*dynamic first dimension'):
        opened(tmp_path, finished)


def test_a_row_that_hangs_on_its_neighbours_is_refused(tmp_path: Path) -> None:
    tail = [
        NODE("ReduceMean", ["z"], ["mean"], axes=[0], keepdims=1),
        NODE("Sub", ["z", "mean"], ["centred"]),
        NODE("Softmax", ["centred"], ["p"], axis=1),
    ]
    with pytest.raises(InputError, match=r'output "p" answers a row otherwise when other rows are beside it.*eval\(\)'):
        opened(tmp_path, matrix_model(tail, [("p", FLOAT, ["n", 2])], opset=13))


def test_answers_by_chance_are_refused(tmp_path: Path) -> None:
    tail = [
        NODE("RandomNormalLike", ["z"], ["noise"]),
        NODE("Add", ["z", "noise"], ["s"]),
        NODE("Softmax", ["s"], ["p"], axis=1),
    ]
    with pytest.raises(InputError, match="otherwise"):
        opened(tmp_path, matrix_model(tail, [("p", FLOAT, ["n", 2])]))


def test_a_model_that_raises_is_quoted(tmp_path: Path) -> None:
    tail = [NODE("Reshape", ["z", "seven"], ["out"])]
    finished = matrix_model(tail, [("out", FLOAT, None)], constants={"seven": np.array([7, 11])})
    with pytest.raises(InputError, match=r"the model fails for 200 rows of the table: .*Reshape"):
        opened(tmp_path, finished)


def test_an_output_that_is_no_tensor_is_named(tmp_path: Path) -> None:
    finished = matrix_model([NODE("SequenceConstruct", ["z"], ["all"])], [("all", FLOAT, None)])
    finished.graph.output[0].CopyFrom(
        helper.make_value_info("all", helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, None)))
    )
    with pytest.raises(InputError, match='output "all" is a sequence'):
        opened(tmp_path, finished)


def test_an_input_of_another_type_is_named(tmp_path: Path) -> None:
    finished = model(
        [NODE("Identity", ["x"], ["out"])],
        [("x", TensorProto.COMPLEX64, ["n", 3])],
        [("out", TensorProto.COMPLEX64, ["n", 3])],
    )
    with pytest.raises(InputError, match=r'input "x" is a complex64\[n, 3\], which no column of a table is'):
        opened(tmp_path, finished)


@pytest.mark.simulation
def test_no_damage_to_a_file_escapes_the_error_tree(tmp_path: Path) -> None:
    whole = softmax_model().SerializeToString()
    random = np.random.default_rng(11)
    for place in random.integers(0, len(whole), 120):
        damaged = bytearray(whole)
        damaged[place] ^= int(random.integers(1, 256))
        for data in (bytes(damaged), whole[: int(place)]):
            with contextlib.suppress(InputError):  # any other error fails; what still opens is another model
                opened(tmp_path, data)


def test_a_table_without_numbers_cannot_feed_a_matrix(tmp_path: Path) -> None:
    rows = pa.table({"group": ["x"], "y": ["no"]})
    with pytest.raises(InputError, match="the table has 0 numeric columns besides the label"):
        opened(tmp_path, softmax_model(), rows=rows)
