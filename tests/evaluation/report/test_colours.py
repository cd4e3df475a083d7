"""The colours of the pages: enough contrast (WCAG 2.2 AA), also for colour-blind readers."""

import re

import numpy as np
import pytest

from ss_ray.evaluation.report.page import TEMPLATES

CSS = (TEMPLATES / "report.css").read_text()
MODES = dict(zip(("light", "dark", "print"), re.findall(r":root \{(.*?)\}", CSS, re.DOTALL), strict=True))
TRACES = ("real", "synthetic")
# Machado, Oliveira & Fernandes 2009, severity 1.0, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def linear(mode, name):
    code = re.search(rf"--{name}: #([0-9a-f]{{6}})", MODES[mode])[1]
    shares = np.array([int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)])
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def contrast(mode, first, second):
    light, dark = sorted((linear(mode, name) @ (0.2126, 0.7152, 0.0722) for name in (first, second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    x, y, z = np.cbrt(np.clip(xyz / (0.9505, 1.0, 1.089), 1e-6, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["ink", "muted", "good", "fair", "poor", "synthetic"])
def test_texts_can_be_read(mode, name):
    assert contrast(mode, name, "surface") >= 4.5
    assert contrast(mode, name, "page") >= 4.5


@pytest.mark.parametrize("mode", MODES)
def test_the_banner_can_be_read(mode):
    assert contrast(mode, "poor", "poor-soft") >= 4.5


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [*TRACES, "warm", "floor"])
def test_traces_stand_out(mode, name):
    assert contrast(mode, name, "surface") >= 3.0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("blindness", BLINDNESS)
def test_real_and_synthetic_differ_for_colour_blind_readers(mode, blindness):
    seen = [lab(np.clip(BLINDNESS[blindness] @ linear(mode, name), 0, 1)) for name in TRACES]
    assert np.linalg.norm(seen[0] - seen[1]) > 20
