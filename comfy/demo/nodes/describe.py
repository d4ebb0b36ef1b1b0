"""Entries of /object_info in the shapes of ComfyUI 0.33, with the real names, types, limits and
defaults.

ComfyUI has two formats. Older nodes write a combo as `[["a", "b"], {…}]`. Newer ones (V3) write
`["COMBO", {"options": […]}]` and have more keys. The help texts are our own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Spec = list[Any]
NodeInfo = dict[str, Any]

SEED_MAX = 2**64 - 1

# fmt: off
SAMPLERS = [
    "euler", "euler_cfg_pp", "euler_ancestral", "euler_ancestral_cfg_pp", "heun", "heunpp2",
    "exp_heun_2_x0", "exp_heun_2_x0_sde", "dpm_2", "dpm_2_ancestral", "lms", "dpm_fast",
    "dpm_adaptive", "dpmpp_2s_ancestral", "dpmpp_2s_ancestral_cfg_pp", "dpmpp_sde",
    "dpmpp_sde_gpu", "dpmpp_2m", "dpmpp_2m_cfg_pp", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu",
    "dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu", "dpmpp_3m_sde", "dpmpp_3m_sde_gpu", "ddpm",
    "lcm", "ipndm", "ipndm_v", "deis", "res_multistep", "res_multistep_cfg_pp",
    "res_multistep_ancestral", "res_multistep_ancestral_cfg_pp", "gradient_estimation",
    "gradient_estimation_cfg_pp", "er_sde", "seeds_2", "seeds_3", "sa_solver", "sa_solver_pece",
    "ddim", "uni_pc", "uni_pc_bh2",
]
# fmt: on
SCHEDULERS = [
    "simple",
    "sgm_uniform",
    "karras",
    "exponential",
    "ddim_uniform",
    "beta",
    "normal",
    "linear_quadratic",
    "kl_optimal",
]


def spec(type_: str | Sequence[str], **options: Any) -> Spec:
    """Return an input's entry: its type, or its choices for a combo in the old format, and its
    options if any."""
    kind = type_ if isinstance(type_, str) else list(type_)
    return [kind, options] if options else [kind]


def node_info(  # noqa: PLR0913 - what the server says of a node, all by name
    name: str,
    display_name: str,
    category: str,
    *,
    required: Mapping[str, Spec],
    optional: Mapping[str, Spec] | None = None,
    saves: bool = False,
    outputs: Sequence[str] = (),
    output_names: Sequence[str] | None = None,
    output_node: bool = False,
    description: str = "",
    module: str = "nodes",
    extra: Mapping[str, Any] | None = None,
) -> NodeInfo:
    """Return a node's entry in the older format. `saves` adds the hidden inputs of nodes that write
    metadata."""
    groups: dict[str, Any] = {"required": dict(required)}
    if optional:
        groups["optional"] = dict(optional)
    if saves:
        groups["hidden"] = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
    return {
        "input": groups,
        "input_order": {group: list(inputs) for group, inputs in groups.items()},
        "is_input_list": False,
        "output": list(outputs),
        "output_is_list": [False] * len(outputs),
        "output_name": list(output_names or outputs),
        "name": name,
        "display_name": display_name,
        "description": description,
        "python_module": module,
        "category": category,
        "output_node": output_node,
        "has_intermediate_output": False,
        "search_aliases": [],
        **(extra or {}),
    }


_OF_PAID_NODES = ("AUTH_TOKEN_COMFY_ORG", "API_KEY_COMFY_ORG", "UNIQUE_ID", "COMFY_USAGE_SOURCE")


def v3_node_info(  # noqa: PLR0913 - what the server says of a node, all by name
    name: str,
    display_name: str,
    category: str,
    *,
    module: str,
    required: Mapping[str, Spec],
    optional: Mapping[str, Spec] | None = None,
    saves: bool = False,
    outputs: Sequence[str] = (),
    output_names: Sequence[str] | None = None,
    output_node: bool = False,
    description: str = "",
    deprecated: bool = False,
    essentials: str | None = None,
    aliases: Sequence[str] | None = None,
    output_tooltips: Sequence[str | None] | None = None,
    keys: bool = False,
) -> NodeInfo:
    """Return a node's entry in the V3 format: every input has options, hidden inputs are lists, and
    there are more keys. `keys`: adds the hidden inputs of paid nodes."""
    spelled = {key: value if len(value) > 1 else [*value, {}] for key, value in required.items()}
    groups: dict[str, Any] = {"required": spelled}
    if optional:
        groups["optional"] = dict(optional)
    if saves:
        groups["hidden"] = {"prompt": ["PROMPT"], "extra_pnginfo": ["EXTRA_PNGINFO"]}
    if keys:
        groups["hidden"] = {name.lower(): [name] for name in _OF_PAID_NODES}
    return {
        "input": groups,
        "input_order": {group: list(inputs) for group, inputs in groups.items()},
        "is_input_list": False,
        "output": list(outputs),
        "output_is_list": [False] * len(outputs),
        "output_name": list(output_names or outputs),
        "output_tooltips": list(output_tooltips or (None,) * len(outputs)),
        "output_matchtypes": None,
        "name": name,
        "display_name": display_name,
        "description": description,
        "python_module": f"comfy_extras.{module}",
        "category": category,
        "output_node": output_node,
        "deprecated": deprecated,
        "experimental": False,
        "dev_only": False,
        "api_node": False,
        "price_badge": None,
        "search_aliases": list(aliases) if aliases is not None else None,
        "essentials_category": essentials,
        "has_intermediate_output": False,
    }
