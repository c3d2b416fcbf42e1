"""Files that are damaged or made to do harm end in one DataError; no case here trains."""

import io
import json
import os
import random
import zipfile

import numpy as np
import pytest

import kohort
from kohort.estimators.dense.model_file import ARRAYS, DOCUMENT

CASES = 150


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A classifier of texts with two networks on bins and a diagnosed regressor; their rows."""
    X = np.random.default_rng(0).normal(size=(40, 3))
    names = np.array(["no", "yes"], object)[(X[:, 0] > 0).astype(int)]
    common = {"depth": 1, "width": 4, "epochs": 2, "random_state": 0, "early_stopping": False}
    first = kohort.DenseClassifier(**common, n_networks=2, class_weight={"no": 2.0}, n_bins=3)
    first.fit(X, names)
    second = kohort.DenseRegressor(**common, diagnose=True).fit(X, X[:, :2])
    folder = tmp_path_factory.mktemp("models")
    for name, model in (("classifier", first), ("regressor", second)):
        model.save(folder / name)
    return folder, X, {"classifier": first, "regressor": second}


def _parts(path):
    """The document and the arrays of a file."""
    with zipfile.ZipFile(path) as archive:
        document = json.loads(archive.read(DOCUMENT))
        with np.load(io.BytesIO(archive.read(ARRAYS))) as arrays:
            return document, dict(arrays)


def _npz(arrays, compression=zipfile.ZIP_STORED):
    """Entries of an npz: arrays, or bytes as they are."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, values in arrays.items():
            file = io.BytesIO()
            if isinstance(values, bytes):
                file.write(values)
            else:
                np.save(file, values, allow_pickle=True)
            archive.writestr(f"{name}.npy", file.getvalue())
    return content.getvalue()


def _file(path, document, arrays, compression=zipfile.ZIP_STORED):
    text = document if isinstance(document, str) else json.dumps(document)
    content = arrays if isinstance(arrays, bytes) else _npz(arrays)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(DOCUMENT, text)
        archive.writestr(ARRAYS, content)
    return path


def _refused(path, words="is not a readable kohort model"):
    with pytest.raises(kohort.DataError, match=words) as caught:
        kohort.load(path)
    assert "Give the path of a file that an estimator's save wrote." in str(caught.value)
    assert len(str(caught.value)) < 1000


def _usable(model, X):
    """A loaded estimator can be used."""
    assert np.isfinite(
        np.asarray(model.predict_proba(X) if hasattr(model, "classes_") else 0)
    ).all()
    assert len(model.predict(X)) == len(X)
    assert model.get_params() == type(model)(**model.get_params()).get_params()
    assert repr(model)


@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_damaged_bytes_are_found_or_do_no_harm(models, tmp_path, name):
    folder, X, known = models
    content, chance = (folder / name).read_bytes(), random.Random(0)
    for case in range(CASES):
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 1, 8))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        if case % 5 == 0:
            del damaged[chance.randrange(len(damaged)) :]
        path = tmp_path / "damaged"
        path.write_bytes(damaged)
        try:
            model = kohort.load(path)
        except kohort.DataError:
            continue
        np.testing.assert_array_equal(model.predict(X), known[name].predict(X))


def _leaves(value, path=()):
    """Paths to all values of a document."""
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in items:
            yield from _leaves(part, (*path, key))


def _changed(document, path, value):
    """A copy with another value at a path; without it where the value is `...`."""
    copy = json.loads(json.dumps(document))
    if not path:
        return value if value is not ... else {}
    place = copy
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copy


_VALUES = (
    ..., None, True, 0, -1, 3, 10**400, 1.5, -1e308, "", "inf", "x" * 300, "auto", "predict", "<U9",
    [], [1, 2], [[]], {}, {"pairs": [[1]]}, {"pairs": [["a", 1]]},
)  # fmt: skip


@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_changed_documents_are_refused_or_usable(models, tmp_path, name):
    folder, X, _ = models
    document, arrays = _parts(folder / name)
    paths, chance, content = list(_leaves(document)), random.Random(1), _npz(arrays)
    outside = [path for path in paths if path[:1] not in (("parameters",), ("recipe",))]
    for case in range(2 * CASES):
        path = chance.choice(paths if case % 2 else outside)
        changed = _changed(document, path, chance.choice(_VALUES))
        try:
            model = kohort.load(_file(tmp_path / "changed", changed, content))
        except kohort.DataError:
            continue
        _usable(model, X)


@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_changed_arrays_are_refused_or_usable(models, tmp_path, name):
    folder, X, _ = models
    document, arrays = _parts(folder / name)
    chance = random.Random(2)
    changes = (
        lambda a: a[:0] if a.ndim else a, lambda a: a[None], lambda a: a.reshape(-1)[:1],
        lambda a: a.astype(object), lambda a: a.astype(np.float16) if a.dtype.kind == "f" else a,
        lambda a: a.astype(str), lambda a: a.astype("S"), lambda a: np.array(3.0), lambda a: a.T,
        lambda a: np.asfortranarray(a), lambda a: np.concatenate([a, a]) if a.ndim else a,
        lambda a: np.zeros((2**40, 0)), lambda a: a.astype(complex) if a.dtype.kind == "f" else a,
    )  # fmt: skip
    for _ in range(CASES):
        changed = dict(arrays)
        key = chance.choice(list(arrays))
        if chance.random() < 0.2:
            del changed[key]
        else:
            changed[key] = chance.choice(changes)(arrays[key])
        try:
            model = kohort.load(_file(tmp_path / "changed", document, changed))
        except kohort.DataError:
            continue
        _usable(model, X)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "key", ["network_1/weight_0", "features_mean", "features_scale", "target_scale"]
)
def test_numbers_that_are_none_are_refused(models, tmp_path, key, value):
    document, arrays = _parts(models[0] / "classifier")
    arrays[key].flat[-1] = value
    if key == "features_scale" and value == np.inf:
        return  # Of a column that is constant.
    _refused(_file(tmp_path / "model", document, arrays))


def test_a_scale_of_zero_is_refused(models, tmp_path):
    document, arrays = _parts(models[0] / "regressor")
    arrays["target_scale"][0] = 0
    _refused(_file(tmp_path / "model", document, arrays), "divides by 0")


def _header(text, version=b"\x01\x00"):
    length = len(text).to_bytes(2 if version == b"\x01\x00" else 4, "little")
    return b"\x93NUMPY" + version + length + text


HOSTILE = {
    "8 TB": _header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}\n"),
    "long text": _header(b"{'descr': '<U500000000', 'fortran_order': False, 'shape': (1,)}\n"),
    "no text": _header(b"{'descr': '<U500000000', 'fortran_order': False, 'shape': (0,)}\n"),
    "long header": _header(b"[" * 60_000),
    "deep header": _header(b"[" * 5_000 + b"]" * 5_000),
    "4 GB of header": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
    "negative": _header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}\n"),
    "pickle": _header(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n") + b"cos\nsystem",
    "fields": _header(b"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}\n"),
    "code": _header(b"__import__('os').system('true')\n"),
    "empty": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_arrays_are_refused(models, tmp_path, name):
    document, arrays = _parts(models[0] / "classifier")
    _refused(_file(tmp_path / "model", document, arrays | {"network_0/weight_0": HOSTILE[name]}))


def test_bombs_are_refused_unread(models, tmp_path):
    document, arrays = _parts(models[0] / "classifier")
    bomb = _npz({"features_mean": bytes(10**7)}, zipfile.ZIP_DEFLATED)
    _refused(_file(tmp_path / "inner", document, bomb), "is not stored as it is")
    outer = _file(tmp_path / "outer", " " * 10**7 + "{}", arrays, zipfile.ZIP_DEFLATED)
    _refused(outer, "is not stored as it is")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("class",), "DenseEstimator", "its class is none of kohort's"),
        (("class",), "expit", "its class is none of kohort's"),
        (("class",), ["DenseRegressor"], "its class is none of kohort's"),
        (("fitted", "predict"), "x", "its 'predict' is 'x'"),
        (("fitted", "__class__"), 1, "its '__class__' is 1"),
        (("fitted", "n_features_in_"), 10**12, "not a readable"),
        (("labels", "predict"), {"dtype": "<U3", "values": ["a"]}, "labels named 'predict'"),
        (("labels", "classes_", "dtype"), "<U500000000", "its labels have no type"),
        (("labels", "classes_", "values"), ["yes", "no"], "its classes are not in order"),
        (("labels", "classes_", "values"), ["no"], "its classes are not in order"),
        (("recipe", "units"), [10**9], "has shape"),
        (("recipe", "units"), [4] * 9, "has other weights"),
        (("recipe", "activation"), "banana", "`activation` must be one of"),
        (("parameters", "width"), -3, "`width` must be"),
        (("parameters", "epochs"), "x", "`epochs` must be"),
        (("networks",), [], "it has 0 networks"),
        (("networks", 0, "best_epoch"), 5, "has no best epoch"),
        (("networks", 0, "status"), "fine", "has no status"),
        (("outputs",), 2, "its outputs are not those of its target"),
        (("format",), 99, "in a format that kohort"),
        (("format",), [], "in a format that kohort"),
    ],
)
def test_documents_that_contradict_themselves_are_refused(models, tmp_path, path, value, words):
    document, arrays = _parts(models[0] / "classifier")
    _refused(_file(tmp_path / "model", _changed(document, path, value), arrays), words)


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "{}", "[" * 100_000, '{"format": 1' + "0" * 5000 + "}", '{"a": NaN}']
)
def test_documents_that_are_none_are_refused(models, tmp_path, text):
    _refused(_file(tmp_path / "model", text, _parts(models[0] / "classifier")[1]))


def test_what_is_no_path_or_no_file_is_refused(tmp_path):
    for path in (5, None, b"model", ["model"]):
        with pytest.raises(kohort.ParameterError, match="`path` must be the path of a file"):
            kohort.load(path)
    with pytest.raises(kohort.DataError, match=r"has no model\.json"):
        kohort.load(tmp_path)
    _refused(tmp_path / ("n" * 300))
    _refused(tmp_path / "nul\0")
    os.mkfifo(tmp_path / "fifo")
    _refused(tmp_path / "fifo", "it is no file")
