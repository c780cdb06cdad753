"""A GPU that is not there: tensors that say they are on it, live on the CPU, and refuse what a real one would refuse.

Inside `pretend_gpu()` a tensor made on device "cuda" or sent there is on it, and so is whatever is computed from it. An operation that
mixes it with a CPU tensor that is no scalar, and a look at its memory through NumPy, raise what torch raises on a real GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")


class OnGpu(Tensor):
    """A tensor on the pretended GPU."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # the mode does it all


def _on_gpu(device: Any) -> bool:
    return device is not None and torch.device(device).type == "cuda"


def _wrapped(value: Any) -> Any:
    """Every tensor in a result, put on the GPU."""
    if isinstance(value, Tensor):
        return value if isinstance(value, OnGpu) else value.as_subclass(OnGpu)
    if isinstance(value, (tuple, list)) and any(isinstance(part, (Tensor, tuple, list)) for part in value):
        parts = [_wrapped(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def _is_device(value: Any) -> bool:
    return isinstance(value, torch.device) or (isinstance(value, str) and value.partition(":")[0] in ("cpu", "cuda"))


class _Pretence(TorchFunctionMode):
    """Sees every call of torch, getters of plain tensors included."""

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        here = any(isinstance(tensor, OnGpu) for tensor in tensors)
        if func == Tensor.device.__get__:
            return GPU if here else CPU
        if func in (Tensor.is_cuda.__get__, Tensor.is_cpu.__get__):
            return here == (func == Tensor.is_cuda.__get__)
        if name == "_has_compatible_shallow_copy_type":
            return False  # a module's parameter that moves is made anew: its data cannot change their kind
        if here and name in ("numpy", "__array__"):
            raise TypeError(
                "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
            )
        if func in (Tensor.to, Tensor.cpu, Tensor.cuda):
            return _moved(func, args, kwargs, here)
        target = here
        if "device" in kwargs and kwargs["device"] is not None:
            target = _on_gpu(kwargs["device"])
            kwargs["device"] = CPU
            # the data of torch.as_tensor may come from elsewhere
            here = here and name not in ("as_tensor", "tensor", "asarray")
        if here and name not in ("copy_", "__getitem__"):
            for tensor in tensors:
                if not isinstance(tensor, OnGpu) and tensor.ndim:
                    raise RuntimeError(
                        f"{name}: expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"
                    )
        found = func(*args, **kwargs)
        if name == "__iter__":
            found = list(found)
            return iter(_wrapped(found) if target else found)
        return _wrapped(found) if target else found


def _moved(func: Any, args: tuple, kwargs: dict, here: bool) -> Tensor:
    """Tensor.to, .cpu and .cuda."""
    tensor, rest = args[0], list(args[1:])
    target = here
    if func is not Tensor.to:
        return _wrapped(tensor.clone()) if func is Tensor.cuda else tensor.clone().as_subclass(Tensor)
    for index, value in enumerate(rest):
        if isinstance(value, Tensor):
            target, rest[index] = isinstance(value, OnGpu), value.dtype
        elif _is_device(value):
            target, rest[index] = _on_gpu(value), CPU
    if kwargs.get("device") is not None:
        target, kwargs["device"] = _on_gpu(kwargs["device"]), CPU
    made = tensor.to(*rest, **kwargs)
    if target == here:
        return _wrapped(made) if here else made
    made = made.clone() if made is tensor else made
    return _wrapped(made) if target else made.as_subclass(Tensor)


@contextmanager
def pretend_gpu() -> Iterator[None]:
    """Torch has a GPU in here."""
    with mock.patch("torch.cuda.is_available", return_value=True), _Pretence():
        yield
