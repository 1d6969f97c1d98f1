"""The themes of its own: quiet grounds, one accent, and colours that differ in lightness too."""

from __future__ import annotations

from dataclasses import replace

from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="st5-dark",
    primary="#7fb0d8",
    secondary="#5f87a8",
    accent="#e0a75e",
    warning="#e0a75e",
    error="#e07a6a",
    success="#86b98a",
    foreground="#d5d9de",
    background="#14171b",
    surface="#14171b",
    panel="#20252b",
    dark=True,
    variables={
        "footer-background": "#14171b",
        "footer-key-foreground": "#7fb0d8",
        "footer-description-foreground": "#8a929c",
        "block-cursor-background": "#2f4a61",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#222a32",
        "block-cursor-blurred-foreground": "#d5d9de",
        "input-selection-background": "#2f4a61",
        "scrollbar": "#2a3138",
        "scrollbar-background": "#14171b",
        "scrollbar-background-hover": "#14171b",
        "scrollbar-background-active": "#14171b",
        "scrollbar-corner-color": "#14171b",
    },
)

LIGHT = Theme(
    name="st5-light",
    primary="#1f5f94",
    secondary="#4b7391",
    accent="#99590a",
    warning="#99590a",
    error="#a83a2a",
    success="#2f6d36",
    foreground="#1d2227",
    background="#fbfbfa",
    surface="#fbfbfa",
    panel="#eceeef",
    dark=False,
    variables={
        "footer-background": "#fbfbfa",
        "footer-key-foreground": "#1f5f94",
        "footer-description-foreground": "#5f6770",
        "block-cursor-background": "#cfe2f2",
        "block-cursor-foreground": "#000000",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#e9eef2",
        "block-cursor-blurred-foreground": "#1d2227",
        "scrollbar": "#d3d8dc",
        "scrollbar-background": "#fbfbfa",
        "scrollbar-background-hover": "#fbfbfa",
        "scrollbar-background-active": "#fbfbfa",
        "scrollbar-corner-color": "#fbfbfa",
    },
)

# Better and worse as blue and orange, which differ for every kind of colour vision; on screens they have ▲ and ▼ too.
COLOUR_BLIND = replace(DARK, name="st5-colour-blind", success="#56b4e9", error="#e69f00", warning="#f0e442")
COLOUR_BLIND_LIGHT = replace(
    LIGHT, name="st5-colour-blind-light", success="#0072b2", error="#b35900", warning="#7a6a00"
)

OWN = (DARK, LIGHT, COLOUR_BLIND, COLOUR_BLIND_LIGHT)
NAMES = (*(theme.name for theme in OWN), *BUILTIN_THEMES)

# Okabe and Ito's palette without black: told apart with any kind of colour vision.
SERIES = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (213, 94, 0), (204, 121, 167), (150, 150, 150))
