"""Chinese, Japanese and Korean in charts: a font that has them stands behind every other, whatever the style asks for."""

import importlib.util
import os

# Set-up's package has the same file as Debian's; the others are what systems bring.
PACKAGE, FILE = "noto_cjk_sans_otc", "NotoSansCJK-Regular.ttc"
SYSTEM = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
)
# What people write into `font.family` for these scripts; without an entry each text drawn would say that it is missing.
NAMES = (
    *(f"Noto Sans CJK {place}" for place in ("JP", "SC", "TC", "HK", "KR")),
    *(f"Noto Sans {place}" for place in ("JP", "SC", "TC", "HK", "KR")),
    *("SimHei", "SimSun", "Microsoft YaHei", "PingFang SC", "STHeiti", "Heiti SC", "WenQuanYi Micro Hei", "Source Han Sans SC"),
    *("Yu Gothic", "Meiryo", "MS Gothic", "Hiragino Sans", "IPAexGothic", "TakaoGothic"),
    *("Malgun Gothic", "NanumGothic", "AppleGothic"),
)


def find():
    """The path of the font, or None."""
    try:
        spec = importlib.util.find_spec(PACKAGE)
    except (ImportError, ValueError):
        spec = None
    own = [os.path.join(place, FILE) for place in (spec.submodule_search_locations or ())] if spec is not None else []
    return next((path for path in (*own, *SYSTEM) if os.path.exists(path)), None)


def follow(module, _display=None):
    """`module` is matplotlib.font_manager, 3.6 or newer: older ones have no fonts behind a font."""
    path = find()
    choose = getattr(module.FontManager, "_find_fonts_by_props", None)
    if path is None or choose is None or hasattr(choose, "is_ours"):
        return

    def choose_and_add(self, *arguments, **options):
        chosen = choose(self, *arguments, **options)
        return chosen if path in chosen else [*chosen, path]

    choose_and_add.is_ours = True
    module.FontManager._find_fonts_by_props = choose_and_add
    known = {entry.name for entry in module.fontManager.ttflist}
    module.fontManager.ttflist.extend(
        module.FontEntry(fname=path, name=name, style="normal", variant="normal", weight=400, stretch="normal", size="scalable")
        for name in NAMES
        if name not in known
    )
