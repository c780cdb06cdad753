"""GPT-2 checkpoints: read back bit for bit in every published layout, refused wherever the model would be another one; never unpickled."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from checks.experiments.checkpoint import (
    CheckpointError,
    Gpt2Config,
    check_vocabulary,
    read_checkpoint,
    shapes,
    write_checkpoint,
)

SMALL = Gpt2Config(layers=2, heads=2, width=8, context=6, vocabulary=11, epsilon=1e-5)


def weights(config: Gpt2Config = SMALL, seed: int = 0, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    made = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=made).to(dtype) for name, shape in shapes(config).items()}


def published(folder: Path, tensors: dict[str, Tensor], **changes: Any) -> Path:
    """A checkpoint as others write it: the fields of GPT-2's own config.json, and the given tensors."""
    layout = {
        "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1, "bos_token_id": 10,
        "embd_pdrop": 0.1, "eos_token_id": 10, "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "model_type": "gpt2",
        "n_ctx": 6, "n_embd": 8, "n_head": 2, "n_layer": 2, "n_positions": 6, "resid_pdrop": 0.1, "vocab_size": 11,
    }  # fmt: skip
    layout = {key: value for key, value in (layout | changes).items() if value is not ...}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(layout))
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, folder / "model.safetensors", {"format": "pt"})
    return folder


def sharded(folder: Path, tensors: dict[str, Tensor], count: int = 2) -> Path:
    published(folder, tensors)
    (folder / "model.safetensors").unlink()
    names, places = list(tensors), {}
    for index in range(count):
        file = f"model-{index + 1:05d}-of-{count:05d}.safetensors"
        places |= dict.fromkeys(names[index::count], file)
        save_file({name: tensors[name] for name in names[index::count]}, folder / file, {"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    return folder


def bits(tensor: Tensor) -> bytes:
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()


def prefixed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As a language model of the library transformers saves it, with the buffers that old versions kept."""
    mask = torch.tril(torch.ones(6, 6, dtype=torch.uint8))[None, None]
    buffers = {f"transformer.h.{layer}.attn.bias": mask for layer in range(2)} | {
        f"transformer.h.{layer}.attn.masked_bias": torch.tensor(-1e4) for layer in range(2)
    }
    return {f"transformer.{name}": tensor for name, tensor in tensors.items()} | buffers


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_what_is_written_is_read_bit_for_bit(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = weights(dtype=dtype)
    tensors["ln_f.bias"][:3] = torch.tensor([-0.0, torch.finfo(dtype).smallest_normal / 2, torch.finfo(dtype).max], dtype=dtype)
    config = replace(SMALL, epsilon=0.1 + 0.2)
    write_checkpoint(tmp_path / "run", config, dict(reversed(tensors.items())))
    found = read_checkpoint(tmp_path / "run")
    assert found.config == config
    assert found.source == "run"
    assert list(found.tensors) == list(shapes(config))
    for name, tensor in tensors.items():
        assert found.tensors[name].dtype == dtype
        assert bits(found.tensors[name]) == bits(tensor), name
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["config.json", "model.safetensors"]
    write_checkpoint(tmp_path / "again", found.config, found.tensors)
    assert read_checkpoint(tmp_path / "again").digest == found.digest


def test_views_and_parameters_are_written(tmp_path: Path) -> None:
    flat = torch.randn(sum(tensor.numel() for tensor in weights().values()), requires_grad=True)
    parts = flat.split([tensor.numel() for tensor in weights().values()])
    tensors = {name: part.view(shape) for (name, shape), part in zip(shapes(SMALL).items(), parts, strict=True)}
    tensors["h.0.attn.c_proj.weight"] = tensors["h.0.attn.c_proj.weight"].T
    write_checkpoint(tmp_path, SMALL, tensors)
    found = read_checkpoint(tmp_path).tensors
    assert all(torch.equal(found[name], tensors[name]) for name in shapes(SMALL))


def test_every_published_layout_is_one_checkpoint(tmp_path: Path) -> None:
    tensors = weights()
    tied = tensors | {"lm_head.weight": tensors["wte.weight"]}
    layouts = {
        "bare": published(tmp_path / "bare", tensors),
        "prefixed": published(tmp_path / "prefixed", prefixed(tensors)),
        "tied": published(tmp_path / "tied", tied),
        "declared untied, and the same": published(tmp_path / "same", tied, tie_word_embeddings=False),
        "head only": published(tmp_path / "head", {name: t for name, t in tied.items() if name != "wte.weight"}),
        "sharded": sharded(tmp_path / "sharded", prefixed(tensors), 3),
        "defaults": published(tmp_path / "defaults", tensors, activation_function=..., layer_norm_epsilon=..., model_type=...),
        "inner": published(tmp_path / "inner", tensors, n_inner=32, scale_attn_weights=True, add_cross_attention=False),
    }
    write_checkpoint(tmp_path / "written", SMALL, tensors)
    want = read_checkpoint(tmp_path / "written")
    for name, folder in layouts.items():
        found = read_checkpoint(folder)
        assert found.config == SMALL, name
        assert found.digest == want.digest, name
        assert found.source == folder.name


def test_the_digest_is_of_weights_and_configuration(tmp_path: Path) -> None:
    digests = set()
    nudged = weights()
    nudged["ln_f.bias"][7] = nudged["ln_f.bias"][7].nextafter(torch.tensor(9.0))
    cases = [(SMALL, weights()), (SMALL, nudged), (replace(SMALL, heads=4), weights()), (SMALL, weights(dtype=torch.float64))]
    for number, (config, tensors) in enumerate(cases):
        write_checkpoint(tmp_path / str(number), config, tensors)
        digests.add(read_checkpoint(tmp_path / str(number)).digest)
    assert len(digests) == len(cases)


def test_an_interrupted_write_is_never_read_as_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(tmp_path, SMALL, weights())
    before = read_checkpoint(tmp_path).digest

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("checks.experiments.checkpoint.save_file", stop)
        with pytest.raises(KeyboardInterrupt):
            write_checkpoint(tmp_path, SMALL, weights(seed=1))
    assert read_checkpoint(tmp_path).digest == before
    with monkeypatch.context() as patch:
        patch.setattr("checks.experiments.checkpoint.write_atomically", stop)
        with pytest.raises(KeyboardInterrupt):
            write_checkpoint(tmp_path, replace(SMALL, heads=4), weights(seed=1))  # the same shapes
    with pytest.raises(CheckpointError, match=r"of one writing; .*\"heads\": 4.*\"heads\": 2"):
        read_checkpoint(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize(("changes", "says"), [
    ({"n_positions": ...}, "missing required field `n_positions`"),
    ({"n_layer": ...}, "missing required field `n_layer`"),
    ({"vocab_size": ...}, "missing required field `vocab_size`"),
    ({"n_layer": 0}, r"`int` >= 1 - at `\$\.n_layer`"),
    ({"n_layer": True}, r"at `\$\.n_layer`"),
    ({"n_embd": "8"}, r"Expected `int`, got `str` - at `\$\.n_embd`"),
    ({"n_head": 3}, "3 heads do not divide 8"),
    ({"activation_function": "relu"}, r"'relu' - at `\$\.activation_function`"),
    ({"model_type": "llama"}, r"'llama' - at `\$\.model_type`"),
    ({"layer_norm_epsilon": 0.0}, "epsilon > 0; got 0.0"),
    ({"n_inner": 16}, "n_inner = 16 and n_embd = 8"),
    ({"scale_attn_weights": False}, "scale_attn_weights = false"),
    ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx = true"),
    ({"add_cross_attention": True}, "add_cross_attention = true"),
    ({"tie_word_embeddings": False}, "has lm_head.weight; .* has none"),
    ({"n_positions": 7}, r"wpe.weight has shape \[7, 8\]; in .* it has \[6, 8\]"),
    ({"vocab_size": 12}, r"wte.weight has shape \[12, 8\]"),
    ({"n_layer": 3}, "of 3 layers has 40 tensors; .* lacks h.2.attn.c_attn.bias, .* and 9 more"),
    ({"n_layer": 1}, "of 1 layers has 16 tensors; .* has h.1.attn.c_attn.bias, .* besides"),
])  # fmt: skip
def test_bad_configurations_are_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    assert read_checkpoint(published(tmp_path, weights())).config == SMALL
    with pytest.raises(CheckpointError, match=says):
        read_checkpoint(published(tmp_path, weights(), **changes))


@pytest.mark.parametrize(("content", "says"), [
    (None, "readable config.json; .* is not"),
    (b"{", "JSON in UTF-8"),
    (b'{"n_layer": NaN}', "JSON in UTF-8"),
    (b'{"model_type": "\xff"}', "JSON in UTF-8|model_type"),
    (b"[]", "Expected `object`, got `array`"),
])  # fmt: skip
def test_config_files_that_are_none_are_refused(tmp_path: Path, content: bytes | None, says: str) -> None:
    published(tmp_path, weights())
    (tmp_path / "config.json").unlink()
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=says):
        read_checkpoint(tmp_path)


def with_value(name: str, place: tuple[int, ...], value: float) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    def change(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        tensors[name][place] = value
        return tensors

    return change


@pytest.mark.parametrize(("change", "says"), [
    (with_value("h.1.mlp.c_fc.weight", (2, 31), float("nan")), r"h.1.mlp.c_fc.weight\[2, 31\] in .* is nan \(1 of 256"),
    (with_value("wte.weight", (10, 0), float("-inf")), r"wte.weight\[10, 0\] in .* is -inf"),
    (lambda t: t | {"ln_f.bias": torch.zeros(8, dtype=torch.int64)}, "ln_f.bias in .* is torch.int64: it is quantised"),
    (lambda t: t | {"h.0.mlp.c_fc.weight": t["h.0.mlp.c_fc.weight"].T.contiguous()}, r"has shape \[8, 32\]; in .* it has \[32, 8\]"),
    (lambda t: t | {"ln_f.bias": torch.zeros(8, 1)}, r"it has \[8, 1\]"),
    (lambda t: {k: v for k, v in t.items() if k != "ln_f.bias"}, "lacks ln_f.bias: they would stay random"),
    (lambda t: t | {"h.0.attn.bias2": torch.zeros(2)}, "has h.0.attn.bias2 besides"),
    (lambda t: t | {"transformer.ln_f.bias": torch.zeros(8)}, "ln_f.bias with and without the prefix"),
    (lambda t: t | {"lm_head.weight": -t["wte.weight"]}, "lm_head.weight that differs from wte.weight"),
    (lambda t: t | {"lm_head.weight": t["wte.weight"].double()}, "lm_head.weight that differs from wte.weight"),
])  # fmt: skip
def test_bad_tensors_are_refused(tmp_path: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor]], says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        read_checkpoint(published(tmp_path, change(weights())))


def test_bad_models_are_not_written(tmp_path: Path) -> None:
    bad = weights()
    bad["ln_f.weight"][0] = float("nan")
    for tensors, says in ((bad, "is nan"), (prefixed(weights()), "lacks"), ({}, "and 25 more")):
        with pytest.raises(CheckpointError, match=says):
            write_checkpoint(tmp_path / "run", SMALL, tensors)
    assert not (tmp_path / "run").exists()
    with pytest.raises(CheckpointError, match="has shards"):
        write_checkpoint(sharded(tmp_path / "shards", weights()), SMALL, weights())


@pytest.mark.parametrize(
    "change", [{"layers": 0}, {"heads": 0}, {"heads": 3}, {"vocabulary": -1}, {"epsilon": 0.0}, {"epsilon": float("nan")}]
)
def test_sizes_that_no_model_has_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError):
        Gpt2Config(**(asdict(SMALL) | change))


def test_a_tokenizer_with_more_tokens_than_rows_is_refused() -> None:
    check_vocabulary(SMALL, 11, "here")
    check_vocabulary(SMALL, 3, "here")
    with pytest.raises(CheckpointError, match="here has 12 tokens and the model 11 rows"):
        check_vocabulary(SMALL, 12, "here")


class Trap:
    """Unpickling this raises."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt", "model.pkl"])
def test_pickles_are_refused_by_name_and_never_opened(tmp_path: Path, name: str) -> None:
    published(tmp_path, weights())
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="has neither"):
        read_checkpoint(tmp_path)
    (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(
        CheckpointError, match=f"has {name} and no model.safetensors: a pickle runs code .* safe_serialization=True"
    ):
        read_checkpoint(tmp_path)
    (tmp_path / name).rename(tmp_path / "model.safetensors")  # under a false name
    with pytest.raises(CheckpointError, match="whole safetensors file"):
        read_checkpoint(tmp_path)


def test_broken_weights_are_refused(tmp_path: Path) -> None:
    whole = (published(tmp_path, weights()) / "model.safetensors").read_bytes()
    for content in (whole[:-8], whole[:100], whole[:4], b"", whole + b"more"):
        (tmp_path / "model.safetensors").write_bytes(content)
        with pytest.raises(CheckpointError, match=r"whole safetensors file; .* is not"):
            read_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match="a checkpoint is a folder"):
        read_checkpoint(tmp_path / "config.json")


def test_broken_shards_are_refused(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "run", weights())
    index = folder / "model.safetensors.index.json"
    good = json.loads(index.read_text())
    first = good["weight_map"]["wte.weight"]

    def refused(says: str, **places: Any) -> None:
        index.write_text(json.dumps({"weight_map": good["weight_map"] | places}))
        with pytest.raises(CheckpointError, match=says):
            read_checkpoint(folder)

    refused(f"{first} differs in wte.weight", **{"wte.weight": next(f for f in good["weight_map"].values() if f != first)})
    refused("differs in other.weight", **{"other.weight": first})
    refused("names '../model.safetensors': other places", **{"wte.weight": "../model.safetensors"})
    refused("names 'pytorch_model.bin': other places", **{"wte.weight": "pytorch_model.bin"})
    refused("absent.safetensors is not", **{"wte.weight": "absent.safetensors"})
    refused(r"does not \(Expected `str`", **{"wte.weight": 3})
    index.write_text("{")
    with pytest.raises(CheckpointError, match="maps names of tensors to files"):
        read_checkpoint(folder)
    index.write_text(json.dumps(good))
    assert read_checkpoint(folder).config == SMALL
    save_file(weights(), folder / "model.safetensors")
    with pytest.raises(CheckpointError, match="nothing says which to read"):
        read_checkpoint(folder)
