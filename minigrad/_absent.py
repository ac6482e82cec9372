"""What is said of a name that is not there: what to write instead, or which name was meant.

Programs written for PyTorch name things that are out of scope here, such as CUDA and convolutions. The `__getattr__` of
each package raises `Absent`. Python calls it only where a name is not found: names that exist cost nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_IMAGES = "Layers for images are out of scope: flatten the pixels, nn.Sequential(nn.Flatten(), nn.Linear(784, 128), ...)."
_TIME = (
    "Recurrent layers are out of scope, but easily written: in forward, "
    "for t in range(x.shape[1]): h = (self.input(x[:, t]) + self.hidden(h)).tanh(), with two nn.Linear."
)
_ATTENTION = (
    "Attention is out of scope as a layer, but easily written: "
    "nn.functional.scaled_dot_product_attention(q, k, v), with an nn.Linear each for q, k and v."
)
_DEVICES = "minigrad computes on the CPU alone, in one process: delete what asks for more."
_PRECISION = "Floats are float32 and float64, integers int64, and bool: choose one of these."
_CONSTRUCTORS = "Write minigrad.tensor(data), with dtype=minigrad.float32, float64, int64 or bool where that is not clear."
_TRANSFORMS = "Functions of functions stand in minigrad itself: grad, value_and_grad, vjp, jvp, jacobian(f)(x), hessian(f)(x), hvp."
_FACTORS = "Of linear algebra there is what minigrad.linalg has. For the rest call NumPy: np.linalg.svd(x.detach().numpy())."

#: For each place, patterns of names and what is written instead. "" stands for all places, and comes last.
_INSTEAD: dict[str, dict[str, str]] = {
    "minigrad.nn": {
        r"(Lazy)?(RNN|LSTM|GRU)\w*": _TIME,
        r"Transformer\w*|MultiheadAttention|attention": _ATTENTION,
        r"Lazy(Linear|BatchNorm1d)|Uninitialized\w+": "Sizes are given: nn.Linear(in_features, out_features).",
        r"\w*(Conv|Pool|Unpool|Pad|BatchNorm|InstanceNorm|Dropout|Softmax|NLLLoss)[23]d|\w*(Conv|Pool|Pad|InstanceNorm)1d|"
        r"\w*(LRN|Upsampl|Pixel|Channel)\w*|(Unf|F)old": _IMAGES,
        r"GroupNorm|LocalResponseNorm": "Of norms there are nn.BatchNorm1d, nn.LayerNorm and nn.RMSNorm.",
        r"Buffer": 'Write self.register_buffer("name", tensor).',
        r"\w*Parallel|parallel": _DEVICES,
    },
    "minigrad.nn.functional": {
        r"\w*(conv|pool|sample|fold|pixel|upsample|channel)\w*|interpolate|affine_grid|dropout[23]d|instance_norm": _IMAGES,
        r"multi_head_attention_forward": _ATTENTION,
        r"group_norm|local_response_norm": "Of norms there are batch_norm, layer_norm and rms_norm.",
    },
    "minigrad.nn._sequences": {
        r"\w*pack\w*": "Pad, and tell the padding by a mask: minigrad.arange(longest) < minigrad.tensor(lengths)[:, None].",
    },
    "minigrad.nn.init": {r"_calculate_\w+": "Of a weight of shape (out, in) fan_in is weight.shape[1]."},
    "minigrad.nn.utils": {
        r"(spectral|weight)_norm|parametrizations|parametrize|prune": "Compute the changed weight in forward, and call functional.linear.",
    },
    "minigrad.autograd": {
        r"Variable": "Tensors are what Variables were: minigrad.tensor(data, requires_grad=True).",
        r"functional": _TRANSFORMS,
        r"backward": "It is a method: loss.backward(); of several losses, (first + second).backward().",
        r"set_detect_anomaly": "Write `with minigrad.detect_anomaly():` around the steps in which to look.",
        r"profiler": "Time with time.perf_counter(): nothing is computed later than it is written.",
    },
    "minigrad.optim.lr_scheduler": {r"_LRScheduler": "It is called LRScheduler."},
    "minigrad.data": {r"DistributedSampler|distributed|get_worker_info": _DEVICES},
    "minigrad": {
        r"Variable": "Write minigrad.tensor(data, requires_grad=True).",
        r"ndarray": "Tensors are of the class minigrad.Tensor.",
        r"newaxis": "Write None: x[:, None].",
        r"random": "minigrad.randn, minigrad.rand and the like draw.",
        r"(set_)?seed": "Write minigrad.manual_seed(n).",
        r"value_and_gradient": "Write minigrad.value_and_grad(f).",
        r"(Float|Double|Long|Int|Short|Byte|Bool|Half)Tensor|from_array|array|asarray|scalar_tensor": _CONSTRUCTORS,
        r"compile": "minigrad.jit(step) makes one program of a whole training step.",
        r"func|vmap|autodiff": _TRANSFORMS + " Instead of vmap, let the batch be the first dimension.",
        r"amp|autocast": "Mixed precision needs other hardware: delete it, and compute in float32.",
        r"distributions": "minigrad.normal, rand, bernoulli and multinomial draw; log-densities are a line each.",
        r"svd\w*|eig\w*|qr|lu\w*|lstsq|pinverse|pca_lowrank|cholesky\w*|matrix_exp|logdet": _FACTORS,
        r"torchvision|vision": "minigrad.datasets has data, minigrad.data.transforms transforms.",
        r"lstm\w*|gru\w*|rnn_\w+": _TIME,
        r"(conv|max_pool|avg_pool|adaptive)\w+": _IMAGES,
    },
    "minigrad.linalg": {r"\w+": _FACTORS},
    "minigrad.cuda": {r"\w+": _DEVICES},
    "": {
        r"b?float(8|16)\w*|half|u?int(8|16|32)|short|byte|char|int|complex\w*|cfloat|cdouble": _PRECISION,
        r"distributed|multiprocessing|mps|xpu|mtia|rpc|DistributedDataParallel": _DEVICES,
    },
}


_WIDER = "x.float() or x.double(): floats are float32 and float64"
_ARRAY = "x.array, the NumPy array, with its strides and its memory"
_BY_NUMPY = "NumPy: np.linalg.svd(x.detach().numpy()) and the like"
#: NumPy's, Keras's, JAX's and PyTorch's names that learners try on a tensor, and what is written instead.
OF_TENSORS = {
    "append": "minigrad.cat([x, y])", "assign": "x.copy_(y)", "astype": "x.to(minigrad.float64)", "block_until_ready": "x",
    "copy": "x.clone()", "fill": "x.fill_(value)", "gradient": "x.grad", "to_numpy": "x.detach().numpy()",
    "value": "x.detach(), or x.item() for the number of one", "strides": "x.stride()", "pin_memory": "x", "share_memory_": "x",
    "data_ptr": _ARRAY, "storage": _ARRAY, "untyped_storage": _ARRAY, "storage_offset": _ARRAY, "as_strided": _ARRAY,
    "half": _WIDER, "bfloat16": _WIDER, "squeeze_": "x = x.squeeze()", "unsqueeze_": "x = x.unsqueeze(dim)", "t_": "x = x.t()",
    "svd": _BY_NUMPY, "eig": _BY_NUMPY, "qr": _BY_NUMPY, "lu": _BY_NUMPY, "lstsq": _BY_NUMPY, "pinverse": _BY_NUMPY,
}  # fmt: skip


class Elsewhere:
    """An attribute of tensors that is not there, and says what is. (A __getattr__ would see every missing name, but with one
    Python finds all others more slowly: a training step took 62 us instead of 53.)"""

    def __init__(self, name: str, instead: str) -> None:
        self.text = f"'Tensor' object has no attribute {name!r}. Write {instead}."

    def __get__(self, tensor: object, cls: type) -> object:
        raise AttributeError(self.text)


def missing(module: Mapping[str, object]) -> Callable[[str], object]:
    """The __getattr__ of a module, from its globals()."""

    def __getattr__(name: str) -> object:  # noqa: N807 - Python's name for it
        raise Absent(str(module["__name__"]), name, module)

    return __getattr__


class Absent(AttributeError):  # noqa: N818 - it says what is
    """A name that a module does not have. Its text says what is written instead, if that is known;
    or `beside`, where else the name is; or which of the known names resemble it.

    The text is made when it is read: hasattr() and the like throw most of these away.
    """

    def __init__(self, place: str, name: str, known: Mapping[str, object], beside: str = "") -> None:
        super().__init__(place, name, name=name)
        self.asked = place, name, known, beside

    def __str__(self) -> str:
        place, name, known, beside = self.asked
        remedy = beside or ("" if name.startswith("__") else _remedy(place, name, known))
        return f"module {place!r} has no attribute {name!r}" + (f". {remedy}" if remedy else "")


def _remedy(place: str, name: str, known: Mapping[str, object]) -> str:
    near = _near(name, known)
    table = {**_INSTEAD.get(place, {}), **_INSTEAD[""]}
    found = next((text for pattern, text in table.items() if re.fullmatch(pattern, name)), "")
    return f"Is {' or '.join(near)} meant?" if near and found in ("", _FACTORS) else found


def _near(name: str, known: Mapping[str, object]) -> list[str]:
    """The names most like it, whatever the case."""
    from difflib import get_close_matches

    lower = {k.lower(): k for k in known if not k.startswith("_")}
    return [lower[k] for k in get_close_matches(name.lower(), lower, 2, 0.75)]
