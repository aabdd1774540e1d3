"""Adam whose cost for an item table grows with the batch, not with the catalogue."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor


class LazyAdam(torch.optim.Adam):
    """Adam (Kingma and Ba 2015) that updates only the table rows that a batch used.

    With a sampled loss these are few: the batch's items, targets and negatives. A row's moments
    don't decay while it is unused (as in TensorFlow's LazyAdam and torch's SparseAdam), so results
    differ slightly from Adam's. Weights with dense gradients, which include the table under a full
    softmax, are updated as by Adam.

    Args:
        params: the weights to train.
        lr: learning rate.
        betas: decay rates of the two moments.
        eps: added to the root of the second moment.
        fused: update weights with dense gradients in one pass.
    """

    needs_sparse_gradients: ClassVar[bool] = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        fused: bool = True,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, fused=fused)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the weights once; `closure` computes loss and gradients."""
        result = None
        if closure is not None:
            with torch.enable_grad():
                result = closure()
        aside: list[tuple[Tensor, Tensor]] = []
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None and weight.grad.is_sparse:
                    self._update_rows(weight, group)
                    aside.append((weight, weight.grad))
                    weight.grad = None
        super().step()
        for weight, grad in aside:
            weight.grad = grad
        return result

    def _update_rows(self, weight: Tensor, group: dict[str, Any]) -> None:
        state, grad = self.state[weight], weight.grad.coalesce()  # type: ignore[union-attr]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["exp_avg"] = torch.zeros_like(weight)
            state["exp_avg_sq"] = torch.zeros_like(weight)
        state["step"] += 1
        (beta_1, beta_2), time = group["betas"], state["step"].item()
        rows, slope = grad.indices()[0], grad.values()
        first = state["exp_avg"][rows].lerp_(slope, 1 - beta_1)
        second = state["exp_avg_sq"][rows].mul_(beta_2).addcmul_(slope, slope, value=1 - beta_2)
        state["exp_avg"][rows], state["exp_avg_sq"][rows] = first, second
        size = (second / (1 - beta_2**time)).sqrt_().add_(group["eps"])
        weight.index_add_(0, rows, first / size, alpha=-group["lr"] / (1 - beta_1**time))
