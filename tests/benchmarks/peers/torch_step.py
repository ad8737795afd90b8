"""The unlearning step as it is ordinarily written in PyTorch: two backward passes and AdamW."""

import contextlib
import copy

import torch
from timing import CUDA, DEVICE


class Objectives:
    """The retain and the forget loss of uint8 pictures ``[b, c, h, w]`` that lie on the device.

    Args:
        peer: what a model asks for: ``draw(count)`` a corruption, a tuple of tensors, ``prepare``
            what its encoder reads of pictures, and ``low`` and ``high``, black and white.
        student: the encoder; the teacher is a copy of it.
        noise: mean and deviation of noise pictures on [0, 1].
        dtype: of autocast; float32 for none.
        layout: memory format of pictures.
    """

    def __init__(
        self,
        peer,
        student,
        noise=(0.5, 0.25),
        dtype=torch.float32,
        layout=torch.contiguous_format,
    ):
        self.peer, self.student, self.noise = peer, student, noise
        self.teacher = copy.deepcopy(student).requires_grad_(False).eval()
        self.dtype, self.pool, self.layout = dtype, None, layout

    def retain(self, pictures, drawn=None):
        """MSE(student(T(x)), teacher(T(x)))."""
        drawn = self.peer.draw(len(pictures)) if drawn is None else drawn
        with torch.no_grad():
            seen = self.peer.prepare(self.scaled(pictures))
            with self.autocast():
                target = self.teacher(seen, *drawn)
        return self.distance(seen, drawn, target)

    def forget(self, pictures, drawn=None, noise=None):
        """MSE(student(T(x)), teacher(T(n))), n a picture of noise."""
        drawn = self.peer.draw(len(pictures)) if drawn is None else drawn
        with torch.no_grad():
            noise = self.noise_inputs(pictures.shape) if noise is None else noise
            seen = self.peer.prepare(self.scaled(pictures))
            with self.autocast():
                target = self.teacher(noise, *drawn)
        return self.distance(seen, drawn, target)

    def distance(self, seen, drawn, target):
        """Mean over the feature maps of their mean squared distances."""
        with self.autocast():
            maps = self.student(seen, *drawn)
        losses = [
            (a.float() - b.float()).square().mean() for a, b in zip(maps, target, strict=True)
        ]
        return torch.stack(losses).mean()

    def scaled(self, pictures):
        """uint8 to the model's range."""
        scaled = self.peer.low + pictures.float() * ((self.peer.high - self.peer.low) / 255)
        return scaled.contiguous(memory_format=self.layout)

    def noise_pictures(self, shape):
        """Gaussian noise in the model's range."""
        mean, std = self.noise
        white = (mean + std * torch.randn(shape, device=DEVICE)).clamp(0, 1)
        white = self.peer.low + white * (self.peer.high - self.peer.low)
        return white.contiguous(memory_format=self.layout)

    def noise_inputs(self, shape):
        """What the encoder reads of noise pictures: made now, or drawn from the pool."""
        if self.pool is None:
            return self.peer.prepare(self.noise_pictures(shape))
        return self.pool[torch.randint(len(self.pool), shape[:1], device=DEVICE)]

    @torch.no_grad()
    def make_pool(self, shape):
        """Prepares as many noise pictures as ``shape`` says, from which steps draw then."""
        self.pool = self.noise_inputs(shape)

    def autocast(self):
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(DEVICE.type, self.dtype)


def direction(retain_grad, forget_grad, forget_value, epsilon, beta):
    """``g_r + λ g_f`` of flat gradients and λ, both left on the device."""
    psi = beta * (forget_value - epsilon)
    sq_norm = forget_grad.dot(forget_grad)
    multiplier = ((psi - retain_grad.dot(forget_grad)) / sq_norm).clamp(min=0)
    return torch.addcmul(retain_grad, forget_grad, multiplier), multiplier


class Step:
    """One update of the Pareto phase: ``step(retain, forget)`` to losses and multiplier.

    Args:
        objectives: the two losses.
        settings: the ``pareto`` section of a config.
        epsilon: the bound on the forget loss.
        compiled: mode of ``torch.compile`` for both losses and the rule, or None for eager.
    """

    def __init__(self, objectives, settings, epsilon=0.5, compiled=None):
        self.epsilon, self.beta, self.clip = epsilon, settings.beta, settings.clip
        self.params = list(objectives.student.parameters())
        self.retain, self.forget = objectives.retain, objectives.forget
        self.direction, self.graphs = direction, compiled == "reduce-overhead"
        if compiled is not None:
            self.retain, self.forget = (
                torch.compile(loss, mode=compiled) for loss in (self.retain, self.forget)
            )
            self.direction = torch.compile(direction)
        rule = settings.optimizer
        known = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}
        self.optimizer = known[rule.name](
            self.params, rule.learning_rate, (rule.b1, rule.b2), weight_decay=rule.weight_decay,
            fused=True,
        )  # fmt: skip

    def __call__(self, retain, forget, retain_drawn=None, forget_drawn=None, noise=None):
        if self.graphs:
            torch.compiler.cudagraph_mark_step_begin()
        retain_value = self.retain(retain, retain_drawn)
        retain_grad = self.gradient(retain_value)
        forget_value = self.forget(forget, forget_drawn, noise)
        forget_grad = self.gradient(forget_value)
        combined, multiplier = self.direction(
            retain_grad, forget_grad, forget_value.detach(), self.epsilon, self.beta
        )
        parts = combined.split([p.numel() for p in self.params])
        for param, part in zip(self.params, parts, strict=True):
            grad = part.view_as(param)
            if grad.stride() != param.stride():  # The fused optimizer wants them alike.
                grad = torch.empty_like(param).copy_(grad)
            param.grad = grad
        if self.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.params, self.clip)
        self.optimizer.step()
        return retain_value.detach(), forget_value.detach(), multiplier

    def gradient(self, value):
        """The gradient as one flat vector."""
        grads = torch.autograd.grad(value, self.params)
        return torch.cat([grad.reshape(-1) for grad in grads])


def pictures(batch, shape, seed):
    """uint8 ``[batch, c, h, w]`` on the device; ``shape`` is (h, w, c)."""
    made = torch.Generator().manual_seed(seed)
    height, width, channels = shape
    drawn = torch.randint(0, 256, (batch, channels, height, width), generator=made)
    return drawn.to(torch.uint8).to(DEVICE, non_blocking=CUDA)
