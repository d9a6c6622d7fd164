"""Keep the metadata of scientific data assets in step across S3, DocDB and Code Ocean.

What stands in `__all__` is the Python API; each name is imported when it is first asked for, so that
`indexer --help` stays quick.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from indexer.config import Config
    from indexer.errors import IndexerError
    from indexer.model.drift import Verdict
    from indexer.model.observer import Observer
    from indexer.model.outcome import Result
    from indexer.model.plan import Plan
    from indexer.runs.apply import apply
    from indexer.runs.config_file import load_config
    from indexer.runs.drift import drift
    from indexer.runs.files import save_plan
    from indexer.runs.loading import PlanFile, load_plan
    from indexer.runs.plan import UnreadError, plan
    from indexer.runs.undo import Undone, undo

__version__ = "0.1.0"
__all__ = [
    "Config",
    "IndexerError",
    "Observer",
    "Plan",
    "PlanFile",
    "Result",
    "Undone",
    "UnreadError",
    "Verdict",
    "__version__",
    "apply",
    "drift",
    "load_config",
    "load_plan",
    "plan",
    "save_plan",
    "undo",
]
_PLACES = {
    "config": ("Config",),
    "errors": ("IndexerError",),
    "model.drift": ("Verdict",),
    "model.observer": ("Observer",),
    "model.outcome": ("Result",),
    "model.plan": ("Plan",),
    "runs.apply": ("apply",),
    "runs.config_file": ("load_config",),
    "runs.drift": ("drift",),
    "runs.files": ("save_plan",),
    "runs.loading": ("PlanFile", "load_plan"),
    "runs.plan": ("UnreadError", "plan"),
    "runs.undo": ("Undone", "undo"),
}
_PLANS = ("Plan", "load_plan", "plan", "undo")
"""Whoever asks for one of these will have a plan in hand."""


def __getattr__(name: str) -> Any:
    """Import a name of the API (PEP 562)."""
    for place, names in _PLACES.items():
        if name in names:
            from importlib import import_module

            found = globals()[name] = getattr(import_module(f"{__name__}.{place}"), name)
            if name in _PLANS:
                # Here, for the model knows no screen: a notebook asks what it shows for this method.
                import_module(f"{__name__}.model.plan").Plan._repr_html_ = _plan_html
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _plan_html(plan: "Plan") -> str:
    """What a notebook shows of a plan."""
    from indexer.render.notebook import plan_html

    return plan_html(plan)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
