"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.registry import Registry
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
from shiftproof.shifts.edits import Edits
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
from shiftproof.shifts.on import On
from shiftproof.shifts.patch.patch import Patch
from shiftproof.shifts.physical.physical import Physical
from shiftproof.shifts.prompts.option_order import OptionOrder
from shiftproof.shifts.prompts.prompt_format import PromptFormat
from shiftproof.shifts.tabular.category_costs import CategoryCosts
from shiftproof.shifts.tabular.drift import ColumnDrift
from shiftproof.shifts.tabular.missing import Missing
from shiftproof.shifts.tabular.misspelled import Misspelled
from shiftproof.shifts.tabular.swapped import Swapped
from shiftproof.shifts.tabular.tabular import Tabular
from shiftproof.shifts.tabular.within_quantiles import WithinQuantiles
from shiftproof.shifts.tabular.within_sds import WithinSds
from shiftproof.shifts.text.casing import Casing
from shiftproof.shifts.text.homoglyphs import Homoglyphs
from shiftproof.shifts.text.typos import Typos

shifts: Registry[Shift]
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
    "Casing",
    "CategoryCosts",
    "CausticRefraction",
    "CheckerboardCutout",
    "CircularMotionBlur",
    "CocentricSineWaves",
    "ColumnDrift",
    "Compose",
    "Contrast",
    "Corruption",
    "Crop",
    "DefocusBlur",
    "Differentiable",
    "DottedLine",
    "Edits",
    "Elastic",
    "ElasticTransform",
    "Fog",
    "Frost",
    "GaussianBlur",
    "GaussianNoise",
    "GlassBlur",
    "GreyScale",
    "HighPass",
    "Homoglyphs",
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
    "Missing",
    "Misspelled",
    "MnistCRotate",
    "MnistCScale",
    "MnistCShear",
    "MnistCTranslate",
    "MotionBlur",
    "ObjectLocation",
    "ObjectRotation",
    "ObjectSize",
    "On",
    "OptionOrder",
    "Patch",
    "PerlinNoise",
    "Perspective",
    "Physical",
    "PinchAndTwirl",
    "Pixelate",
    "PlasmaNoise",
    "PromptFormat",
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
    "Swapped",
    "Tabular",
    "Translation",
    "TransverseChromaticAbberation",
    "Typos",
    "Union",
    "WhiteBalance",
    "WithinQuantiles",
    "WithinSds",
    "Zigzag",
    "ZoomBlur",
    "shifts",
]
