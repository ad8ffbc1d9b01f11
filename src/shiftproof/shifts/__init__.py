"""How the world may move one input: one file, one way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports
from shiftproof.registry import Registry

if TYPE_CHECKING:
    from shiftproof.shifts.abstract import Boxed, Differentiable, Shift
    from shiftproof.shifts.compose import Compose
    from shiftproof.shifts.corruptions.blue_noise_sample import BlueNoiseSample
    from shiftproof.shifts.corruptions.brightness import Brightness
    from shiftproof.shifts.corruptions.brownish_noise import BrownishNoise
    from shiftproof.shifts.corruptions.canny_edges import CannyEdges
    from shiftproof.shifts.corruptions.caustic_refraction import CausticRefraction
    from shiftproof.shifts.corruptions.checkerboard_cutout import CheckerboardCutout
    from shiftproof.shifts.corruptions.circular_motion_blur import CircularMotionBlur
    from shiftproof.shifts.corruptions.cocentric_sine_waves import CocentricSineWaves
    from shiftproof.shifts.corruptions.contrast import Contrast
    from shiftproof.shifts.corruptions.corruption import Corruption
    from shiftproof.shifts.corruptions.defocus_blur import DefocusBlur
    from shiftproof.shifts.corruptions.dotted_line import DottedLine
    from shiftproof.shifts.corruptions.elastic_transform import ElasticTransform
    from shiftproof.shifts.corruptions.fog import Fog
    from shiftproof.shifts.corruptions.frost import Frost
    from shiftproof.shifts.corruptions.gaussian_blur import GaussianBlur
    from shiftproof.shifts.corruptions.gaussian_noise import GaussianNoise
    from shiftproof.shifts.corruptions.glass_blur import GlassBlur
    from shiftproof.shifts.corruptions.grey_scale import GreyScale
    from shiftproof.shifts.corruptions.impulse_noise import ImpulseNoise
    from shiftproof.shifts.corruptions.inverse_sparkles import InverseSparkles
    from shiftproof.shifts.corruptions.jpeg_compression import JpegCompression
    from shiftproof.shifts.corruptions.jpeg_quality import JpegQuality
    from shiftproof.shifts.corruptions.lines import Lines
    from shiftproof.shifts.corruptions.low_resolution import LowResolution
    from shiftproof.shifts.corruptions.mnist_c_rotate import MnistCRotate
    from shiftproof.shifts.corruptions.mnist_c_scale import MnistCScale
    from shiftproof.shifts.corruptions.mnist_c_shear import MnistCShear
    from shiftproof.shifts.corruptions.mnist_c_translate import MnistCTranslate
    from shiftproof.shifts.corruptions.motion_blur import MotionBlur
    from shiftproof.shifts.corruptions.perlin_noise import PerlinNoise
    from shiftproof.shifts.corruptions.pinch_and_twirl import PinchAndTwirl
    from shiftproof.shifts.corruptions.pixelate import Pixelate
    from shiftproof.shifts.corruptions.plasma_noise import PlasmaNoise
    from shiftproof.shifts.corruptions.ripple import Ripple
    from shiftproof.shifts.corruptions.saturate import Saturate
    from shiftproof.shifts.corruptions.shot_noise import ShotNoise
    from shiftproof.shifts.corruptions.single_frequency_greyscale import SingleFrequencyGreyscale
    from shiftproof.shifts.corruptions.snow import Snow
    from shiftproof.shifts.corruptions.sparkles import Sparkles
    from shiftproof.shifts.corruptions.spatter import Spatter
    from shiftproof.shifts.corruptions.speckle_noise import SpeckleNoise
    from shiftproof.shifts.corruptions.stripe import Stripe
    from shiftproof.shifts.corruptions.transverse_chromatic_abberation import TransverseChromaticAbberation
    from shiftproof.shifts.corruptions.white_balance import WhiteBalance
    from shiftproof.shifts.corruptions.zigzag import Zigzag
    from shiftproof.shifts.corruptions.zoom_blur import ZoomBlur
    from shiftproof.shifts.factors.background import Background
    from shiftproof.shifts.factors.mask import Masks
    from shiftproof.shifts.factors.object_location import ObjectLocation
    from shiftproof.shifts.factors.object_rotation import ObjectRotation
    from shiftproof.shifts.factors.object_size import ObjectSize
    from shiftproof.shifts.frequency.band_pass import BandPass
    from shiftproof.shifts.frequency.high_pass import HighPass
    from shiftproof.shifts.frequency.low_pass import LowPass
    from shiftproof.shifts.geometry.crop import Crop
    from shiftproof.shifts.geometry.elastic import Elastic
    from shiftproof.shifts.geometry.perspective import Perspective
    from shiftproof.shifts.geometry.rotation import Rotation
    from shiftproof.shifts.geometry.scale import Scale
    from shiftproof.shifts.geometry.shear import Shear
    from shiftproof.shifts.geometry.translation import Translation
    from shiftproof.shifts.identity import Identity
    from shiftproof.shifts.norms.l0 import L0
    from shiftproof.shifts.norms.l1 import L1
    from shiftproof.shifts.norms.l2 import L2
    from shiftproof.shifts.norms.linf import Linf
    from shiftproof.shifts.norms.union import Union
    from shiftproof.shifts.patch.patch import Patch
    from shiftproof.shifts.physical.physical import Physical
    from shiftproof.shifts.tabular.tabular import Tabular

_HOME = "shiftproof.shifts"
shifts: Registry[Shift] = Registry(
    "shift",
    f"{_HOME}.abstract:Shift",
    {
        "identity": f"{_HOME}.identity:Identity",
        "linf": f"{_HOME}.norms.linf:Linf",
        "l2": f"{_HOME}.norms.l2:L2",
        "l1": f"{_HOME}.norms.l1:L1",
        "l0": f"{_HOME}.norms.l0:L0",
        "union": f"{_HOME}.norms.union:Union",
        "compose": f"{_HOME}.compose:Compose",
        "patch": f"{_HOME}.patch.patch:Patch",
        "physical": f"{_HOME}.physical.physical:Physical",
        "tabular": f"{_HOME}.tabular.tabular:Tabular",
        "gaussian_noise": f"{_HOME}.corruptions.gaussian_noise:GaussianNoise",
        "shot_noise": f"{_HOME}.corruptions.shot_noise:ShotNoise",
        "impulse_noise": f"{_HOME}.corruptions.impulse_noise:ImpulseNoise",
        "defocus_blur": f"{_HOME}.corruptions.defocus_blur:DefocusBlur",
        "glass_blur": f"{_HOME}.corruptions.glass_blur:GlassBlur",
        "motion_blur": f"{_HOME}.corruptions.motion_blur:MotionBlur",
        "zoom_blur": f"{_HOME}.corruptions.zoom_blur:ZoomBlur",
        "snow": f"{_HOME}.corruptions.snow:Snow",
        "frost": f"{_HOME}.corruptions.frost:Frost",
        "fog": f"{_HOME}.corruptions.fog:Fog",
        "brightness": f"{_HOME}.corruptions.brightness:Brightness",
        "contrast": f"{_HOME}.corruptions.contrast:Contrast",
        "elastic_transform": f"{_HOME}.corruptions.elastic_transform:ElasticTransform",
        "pixelate": f"{_HOME}.corruptions.pixelate:Pixelate",
        "jpeg_compression": f"{_HOME}.corruptions.jpeg_compression:JpegCompression",
        "speckle_noise": f"{_HOME}.corruptions.speckle_noise:SpeckleNoise",
        "gaussian_blur": f"{_HOME}.corruptions.gaussian_blur:GaussianBlur",
        "spatter": f"{_HOME}.corruptions.spatter:Spatter",
        "saturate": f"{_HOME}.corruptions.saturate:Saturate",
        "mnist_c_shear": f"{_HOME}.corruptions.mnist_c_shear:MnistCShear",
        "mnist_c_scale": f"{_HOME}.corruptions.mnist_c_scale:MnistCScale",
        "mnist_c_rotate": f"{_HOME}.corruptions.mnist_c_rotate:MnistCRotate",
        "mnist_c_translate": f"{_HOME}.corruptions.mnist_c_translate:MnistCTranslate",
        "stripe": f"{_HOME}.corruptions.stripe:Stripe",
        "dotted_line": f"{_HOME}.corruptions.dotted_line:DottedLine",
        "zigzag": f"{_HOME}.corruptions.zigzag:Zigzag",
        "canny_edges": f"{_HOME}.corruptions.canny_edges:CannyEdges",
        "blue_noise_sample": f"{_HOME}.corruptions.blue_noise_sample:BlueNoiseSample",
        "brownish_noise": f"{_HOME}.corruptions.brownish_noise:BrownishNoise",
        "caustic_refraction": f"{_HOME}.corruptions.caustic_refraction:CausticRefraction",
        "checkerboard_cutout": f"{_HOME}.corruptions.checkerboard_cutout:CheckerboardCutout",
        "cocentric_sine_waves": f"{_HOME}.corruptions.cocentric_sine_waves:CocentricSineWaves",
        "inverse_sparkles": f"{_HOME}.corruptions.inverse_sparkles:InverseSparkles",
        "perlin_noise": f"{_HOME}.corruptions.perlin_noise:PerlinNoise",
        "plasma_noise": f"{_HOME}.corruptions.plasma_noise:PlasmaNoise",
        "single_frequency_greyscale": f"{_HOME}.corruptions.single_frequency_greyscale:SingleFrequencyGreyscale",
        "sparkles": f"{_HOME}.corruptions.sparkles:Sparkles",
        "circular_motion_blur": f"{_HOME}.corruptions.circular_motion_blur:CircularMotionBlur",
        "lines": f"{_HOME}.corruptions.lines:Lines",
        "pinch_and_twirl": f"{_HOME}.corruptions.pinch_and_twirl:PinchAndTwirl",
        "ripple": f"{_HOME}.corruptions.ripple:Ripple",
        "transverse_chromatic_abberation": f"{_HOME}.corruptions.transverse_chromatic_abberation:TransverseChromaticAbberation",
        "low_resolution": f"{_HOME}.corruptions.low_resolution:LowResolution",
        "jpeg_quality": f"{_HOME}.corruptions.jpeg_quality:JpegQuality",
        "grey_scale": f"{_HOME}.corruptions.grey_scale:GreyScale",
        "white_balance": f"{_HOME}.corruptions.white_balance:WhiteBalance",
        "rotation": f"{_HOME}.geometry.rotation:Rotation",
        "translation": f"{_HOME}.geometry.translation:Translation",
        "scale": f"{_HOME}.geometry.scale:Scale",
        "shear": f"{_HOME}.geometry.shear:Shear",
        "perspective": f"{_HOME}.geometry.perspective:Perspective",
        "elastic": f"{_HOME}.geometry.elastic:Elastic",
        "crop": f"{_HOME}.geometry.crop:Crop",
        "object_size": f"{_HOME}.factors.object_size:ObjectSize",
        "object_location": f"{_HOME}.factors.object_location:ObjectLocation",
        "object_rotation": f"{_HOME}.factors.object_rotation:ObjectRotation",
        "background": f"{_HOME}.factors.background:Background",
        "low_pass": f"{_HOME}.frequency.low_pass:LowPass",
        "high_pass": f"{_HOME}.frequency.high_pass:HighPass",
        "band_pass": f"{_HOME}.frequency.band_pass:BandPass",
    },
)

__all__ = [
    "L0",
    "L1",
    "L2",
    "Background",
    "BandPass",
    "BlueNoiseSample",
    "Boxed",
    "Brightness",
    "BrownishNoise",
    "CannyEdges",
    "CausticRefraction",
    "CheckerboardCutout",
    "CircularMotionBlur",
    "CocentricSineWaves",
    "Compose",
    "Contrast",
    "Corruption",
    "Crop",
    "DefocusBlur",
    "Differentiable",
    "DottedLine",
    "Elastic",
    "ElasticTransform",
    "Fog",
    "Frost",
    "GaussianBlur",
    "GaussianNoise",
    "GlassBlur",
    "GreyScale",
    "HighPass",
    "Identity",
    "ImpulseNoise",
    "InverseSparkles",
    "JpegCompression",
    "JpegQuality",
    "Lines",
    "Linf",
    "LowPass",
    "LowResolution",
    "Masks",
    "MnistCRotate",
    "MnistCScale",
    "MnistCShear",
    "MnistCTranslate",
    "MotionBlur",
    "ObjectLocation",
    "ObjectRotation",
    "ObjectSize",
    "Patch",
    "PerlinNoise",
    "Perspective",
    "Physical",
    "PinchAndTwirl",
    "Pixelate",
    "PlasmaNoise",
    "Ripple",
    "Rotation",
    "Saturate",
    "Scale",
    "Shear",
    "Shift",
    "ShotNoise",
    "SingleFrequencyGreyscale",
    "Snow",
    "Sparkles",
    "Spatter",
    "SpeckleNoise",
    "Stripe",
    "Tabular",
    "Translation",
    "TransverseChromaticAbberation",
    "Union",
    "WhiteBalance",
    "Zigzag",
    "ZoomBlur",
    "shifts",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Shift": "abstract",
        "Differentiable": "abstract",
        "Boxed": "abstract",
        "Identity": "identity",
        "Compose": "compose",
        "Linf": "norms.linf",
        "L2": "norms.l2",
        "L1": "norms.l1",
        "L0": "norms.l0",
        "Union": "norms.union",
        "Patch": "patch.patch",
        "Physical": "physical.physical",
        "Tabular": "tabular.tabular",
        "GaussianNoise": "corruptions.gaussian_noise",
        "ShotNoise": "corruptions.shot_noise",
        "ImpulseNoise": "corruptions.impulse_noise",
        "DefocusBlur": "corruptions.defocus_blur",
        "GlassBlur": "corruptions.glass_blur",
        "MotionBlur": "corruptions.motion_blur",
        "ZoomBlur": "corruptions.zoom_blur",
        "Snow": "corruptions.snow",
        "Frost": "corruptions.frost",
        "Fog": "corruptions.fog",
        "Brightness": "corruptions.brightness",
        "Contrast": "corruptions.contrast",
        "ElasticTransform": "corruptions.elastic_transform",
        "Pixelate": "corruptions.pixelate",
        "JpegCompression": "corruptions.jpeg_compression",
        "SpeckleNoise": "corruptions.speckle_noise",
        "GaussianBlur": "corruptions.gaussian_blur",
        "Spatter": "corruptions.spatter",
        "Saturate": "corruptions.saturate",
        "MnistCShear": "corruptions.mnist_c_shear",
        "MnistCScale": "corruptions.mnist_c_scale",
        "MnistCRotate": "corruptions.mnist_c_rotate",
        "MnistCTranslate": "corruptions.mnist_c_translate",
        "Stripe": "corruptions.stripe",
        "DottedLine": "corruptions.dotted_line",
        "Zigzag": "corruptions.zigzag",
        "CannyEdges": "corruptions.canny_edges",
        "BlueNoiseSample": "corruptions.blue_noise_sample",
        "BrownishNoise": "corruptions.brownish_noise",
        "CausticRefraction": "corruptions.caustic_refraction",
        "CheckerboardCutout": "corruptions.checkerboard_cutout",
        "CocentricSineWaves": "corruptions.cocentric_sine_waves",
        "InverseSparkles": "corruptions.inverse_sparkles",
        "PerlinNoise": "corruptions.perlin_noise",
        "PlasmaNoise": "corruptions.plasma_noise",
        "SingleFrequencyGreyscale": "corruptions.single_frequency_greyscale",
        "Sparkles": "corruptions.sparkles",
        "CircularMotionBlur": "corruptions.circular_motion_blur",
        "Lines": "corruptions.lines",
        "PinchAndTwirl": "corruptions.pinch_and_twirl",
        "Ripple": "corruptions.ripple",
        "TransverseChromaticAbberation": "corruptions.transverse_chromatic_abberation",
        "LowResolution": "corruptions.low_resolution",
        "JpegQuality": "corruptions.jpeg_quality",
        "GreyScale": "corruptions.grey_scale",
        "WhiteBalance": "corruptions.white_balance",
        "Corruption": "corruptions.corruption",
        "Rotation": "geometry.rotation",
        "Translation": "geometry.translation",
        "Scale": "geometry.scale",
        "Shear": "geometry.shear",
        "Perspective": "geometry.perspective",
        "Elastic": "geometry.elastic",
        "Crop": "geometry.crop",
        "ObjectSize": "factors.object_size",
        "ObjectLocation": "factors.object_location",
        "ObjectRotation": "factors.object_rotation",
        "Background": "factors.background",
        "Masks": "factors.mask",
        "LowPass": "frequency.low_pass",
        "HighPass": "frequency.high_pass",
        "BandPass": "frequency.band_pass",
    },
)
