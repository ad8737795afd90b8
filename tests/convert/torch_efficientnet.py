"""EfficientNet-Lite0 as plain functions of PyTorch, after its description: needs PyTorch."""

import torch
import torch.nn.functional as F

# Repeats and stride of each stage, from the description of EfficientNet-B0.
_STAGES = [(1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)]


def outputs(state, pixels):
    """Features and logits of normalized pictures ``[b, 224, 224, 3]``, with the file's tensors."""

    def conv(x, name, stride=1, groups=1):
        weight = state[f"{name}.weight"]
        kernel, side = weight.shape[-1], x.shape[-1]
        # TensorFlow's SAME: what is odd is padded on the right and at the bottom.
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        before, after = total // 2, total - total // 2
        x = F.pad(x, (before, after, before, after))
        return F.conv2d(x, weight, stride=stride, groups=groups)

    def norm(x, name):
        mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        scale, shift = state[f"{name}.weight"], state[f"{name}.bias"]
        return F.batch_norm(x, mean, var, scale, shift, eps=1e-3)

    def block(x, name, stride):
        y = x
        if f"{name}._expand_conv.weight" in state:
            y = F.relu6(norm(conv(y, f"{name}._expand_conv"), f"{name}._bn0"))
        y = conv(y, f"{name}._depthwise_conv", stride, groups=y.shape[1])
        y = F.relu6(norm(y, f"{name}._bn1"))
        y = norm(conv(y, f"{name}._project_conv"), f"{name}._bn2")
        return x + y if x.shape == y.shape else y

    with torch.no_grad():
        x = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())
        x = F.relu6(norm(conv(x, "_conv_stem", 2), "_bn0"))
        strides = [
            stride if repeat == 0 else 1 for repeats, stride in _STAGES for repeat in range(repeats)
        ]
        for index, stride in enumerate(strides):
            x = block(x, f"_blocks.{index}", stride)
        x = F.relu6(norm(conv(x, "_conv_head"), "_bn1")).mean((2, 3))
        return x.numpy(), F.linear(x, state["_fc.weight"], state["_fc.bias"]).numpy()
