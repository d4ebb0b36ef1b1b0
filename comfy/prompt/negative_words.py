"""Recognize a negative prompt by its words, where the graph doesn't tell it apart."""

from __future__ import annotations

import re

# Faults that people list in negative prompts and hardly ever ask for.
_FAULT = re.compile(
    r"""\b(?:
      (?:worst|low(?:est|er)?|bad|poor|normal|medium)[ _-]?(?:quality|resolution|res|detail)
    | low-?res | jpe?g[ ]artifacts? | compression[ ]artifacts? | artifacts? | nsfw
    | (?:bad|poor(?:ly)?|wrong|weird|malformed|mutated|deformed|disfigured|extra|missing|fused
       |floating|cloned|disconnected|too[ ]many|long|unnatural|asymmetric|gross|ugly|crossed)[ _-]
      (?:\w+[ _-])?(?:anatomy|proportions?|hands?|fingers?|limbs?|arms?|legs?|feet|faces?|eyes?
       |pupils?|body|bodies|neck|drawn|digits?|lighting|composition|colou?rs?|heads?|teeth)
    | (?:fewer|extra)[ ]digits? | deform(?:ed|ity|ities) | disfigur(?:ed|ement) | malformed
    | mutat(?:ed|ions?) | mutilated | distort(?:ed|ions?) | ugly | blurry | blurred
    | (?:out[ ]of[ ]focus) | out[ ]of[ ]frame | grainy | pixelated | noisy | glitch(?:es)?
    | overexposed | underexposed | over-?saturat(?:ed|ion) | watermarks? | signature
    | username | duplicate | error | morbid | extra_limb | bad_\w+ | worst
    | embedding:[^\s,]*(?:neg|bad)[^\s,]* | (?:easy|bad|deep)negative\w* | badhand\w* | badprompt\w*
    | lowquality | jpeg
    )\b
    | 最差|低质量|模糊|畸形|丑陋|残缺|毁容|水印|多余的|过曝|崩坏|变形
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PARTS = re.compile(r"[,;\n|\uff0c\u3001\u3002]+")
_LONGEST = 4_000
# Share of the listed things that have to be faults: a description may mention a few.
_SHARE = 0.3
_MOST_WORDS = 6  # of a listed fault; longer parts are sentences


def looks_negative(text: object) -> bool:
    """Return whether a text is mostly a list of faults, such as "lowres, bad anatomy"."""
    if not isinstance(text, str):
        return False
    parts = [one for one in _PARTS.split(text[:_LONGEST]) if any(map(str.isalnum, one))]
    faults = [one for one in parts if _FAULT.search(one) and len(one.split()) <= _MOST_WORDS]
    return bool(faults) and len(faults) >= min(2, len(parts)) and len(faults) > _SHARE * len(parts)
