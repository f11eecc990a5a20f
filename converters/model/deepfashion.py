"""What DeepFashion, Category and Attribute Prediction, publishes: its fifty categories, and its 26 fine attributes."""

from __future__ import annotations

UPPER, LOWER, FULL = 1, 2, 3
"""Types of categories; those of landmark rows ("clothes type") count alike."""
TYPES = ("upper_body", "lower_body", "full_body")
"""Their names, from 1."""
NAMES = {
    UPPER: (
        *("Anorak", "Blazer", "Blouse", "Bomber", "Button-Down", "Cardigan", "Flannel", "Halter", "Henley", "Hoodie"),
        *("Jacket", "Jersey", "Parka", "Peacoat", "Poncho", "Sweater", "Tank", "Tee", "Top", "Turtleneck"),
    ),
    LOWER: (
        *("Capris", "Chinos", "Culottes", "Cutoffs", "Gauchos", "Jeans", "Jeggings", "Jodhpurs", "Joggers"),
        *("Leggings", "Sarong", "Shorts", "Skirt", "Sweatpants", "Sweatshorts", "Trunks"),
    ),
    FULL: (
        *("Caftan", "Cape", "Coat", "Coverup", "Dress", "Jumpsuit", "Kaftan", "Kimono", "Nightdress", "Onesie"),
        *("Robe", "Romper", "Shirtdress", "Sundress"),
    ),
}
"""The categories of each type, in the order of their numbers."""
CATEGORIES: dict[str, int] = {name: kind for kind, names in NAMES.items() for name in names}
"""The type of each category, in the order of their numbers."""

LANDMARKS = {UPPER: (0, 1, 2, 3, 6, 7), LOWER: (4, 5, 6, 7), FULL: tuple(range(8))}
"""Which of the eight landmarks (collars, sleeves, waistlines, hems, left before right) each type has, in its order."""

FINE: dict[str, tuple[str, ...]] = {
    "pattern": ("floral", "graphic", "striped", "embroidered", "pleated", "solid", "lattice"),
    "sleeve": ("long_sleeve", "short_sleeve", "sleeveless"),
    "length": ("maxi_length", "mini_length", "no_dress"),
    "neckline": ("crew_neckline", "v_neckline", "square_neckline", "no_neckline"),
    "fabric": ("denim", "chiffon", "cotton", "leather", "faux", "knit"),
    "fit": ("tight", "loose", "conventional"),
}
"""The groups of the fine lists, from 1, and the attributes of each."""
