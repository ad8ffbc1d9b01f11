"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.registry import Registry
from shiftproof.shifts.abstract import Boxed, Differentiable, Shift
from shiftproof.shifts.blank import Blank
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
from shiftproof.shifts.factors.placed_object import PlacedObject
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
from shiftproof.shifts.latent.decoder import Decoder
from shiftproof.shifts.norms.l0 import L0
from shiftproof.shifts.norms.l1 import L1
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf
from shiftproof.shifts.norms.union import Union
from shiftproof.shifts.on import On
from shiftproof.shifts.patch.patch import Patch
from shiftproof.shifts.physical.physical import Physical
from shiftproof.shifts.prompts.are_you_sure import AreYouSure
from shiftproof.shifts.prompts.option_order import OptionOrder
from shiftproof.shifts.prompts.pressure import Pressure
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
from shiftproof.shifts.text.letters.added_punctuation import AddedPunctuation
from shiftproof.shifts.text.letters.changed_punctuation import ChangedPunctuation
from shiftproof.shifts.text.letters.combining_marks import CombiningMarks
from shiftproof.shifts.text.letters.curly_quotes import CurlyQuotes
from shiftproof.shifts.text.letters.deletion_marks import DeletionMarks
from shiftproof.shifts.text.letters.diacritics import Diacritics
from shiftproof.shifts.text.letters.doubled_letters import DoubledLetters
from shiftproof.shifts.text.letters.dropped_letters import DroppedLetters
from shiftproof.shifts.text.letters.dropped_punctuation import DroppedPunctuation
from shiftproof.shifts.text.letters.dropped_vowels import DroppedVowels
from shiftproof.shifts.text.letters.fullwidth_letters import FullwidthLetters
from shiftproof.shifts.text.letters.html_entities import HtmlEntities
from shiftproof.shifts.text.letters.inserted_letters import InsertedLetters
from shiftproof.shifts.text.letters.joined_words import JoinedWords
from shiftproof.shifts.text.letters.keyboard_slips import KeyboardSlips
from shiftproof.shifts.text.letters.leetspeak import Leetspeak
from shiftproof.shifts.text.letters.line_end_hyphens import LineEndHyphens
from shiftproof.shifts.text.letters.masked_letters import MaskedLetters
from shiftproof.shifts.text.letters.mojibake import Mojibake
from shiftproof.shifts.text.letters.ocr_errors import OcrErrors
from shiftproof.shifts.text.letters.phonetic_spelling import PhoneticSpelling
from shiftproof.shifts.text.letters.random_letters import RandomLetters
from shiftproof.shifts.text.letters.reordered_display import ReorderedDisplay
from shiftproof.shifts.text.letters.soft_hyphens import SoftHyphens
from shiftproof.shifts.text.letters.spaced_letters import SpacedLetters
from shiftproof.shifts.text.letters.split_words import SplitWords
from shiftproof.shifts.text.letters.stretched_words import StretchedWords
from shiftproof.shifts.text.letters.styled_letters import StyledLetters
from shiftproof.shifts.text.letters.swapped_letters import SwappedLetters
from shiftproof.shifts.text.letters.url_spaces import UrlSpaces
from shiftproof.shifts.text.letters.white_space import WhiteSpace
from shiftproof.shifts.text.letters.word_bugs import WordBugs
from shiftproof.shifts.text.letters.zero_width import ZeroWidth
from shiftproof.shifts.text.rewrite import Rewrite
from shiftproof.shifts.text.sentences.clause_order import ClauseOrder
from shiftproof.shifts.text.sentences.cut_off import CutOff
from shiftproof.shifts.text.sentences.detokenised import Detokenised
from shiftproof.shifts.text.sentences.discourse_markers import DiscourseMarkers
from shiftproof.shifts.text.sentences.distractors import Distractors
from shiftproof.shifts.text.sentences.emoticons import Emoticons
from shiftproof.shifts.text.sentences.end_marks import EndMarks
from shiftproof.shifts.text.sentences.footers import Footers
from shiftproof.shifts.text.sentences.framed_claims import FramedClaims
from shiftproof.shifts.text.sentences.mentions import Mentions
from shiftproof.shifts.text.sentences.neutral_facts import NeutralFacts
from shiftproof.shifts.text.sentences.others_opinions import OthersOpinions
from shiftproof.shifts.text.sentences.persona import Persona
from shiftproof.shifts.text.sentences.place_phrases import PlacePhrases
from shiftproof.shifts.text.sentences.question_tags import QuestionTags
from shiftproof.shifts.text.sentences.quoted import Quoted
from shiftproof.shifts.text.sentences.repeated_text import RepeatedText
from shiftproof.shifts.text.sentences.rewritten import Rewritten
from shiftproof.shifts.text.sentences.stored import Stored
from shiftproof.shifts.text.sentences.tautologies import Tautologies
from shiftproof.shifts.text.sentences.time_phrases import TimePhrases
from shiftproof.shifts.text.sentences.whole_casing import WholeCasing
from shiftproof.shifts.text.typos import Typos
from shiftproof.shifts.text.words.antonyms import Antonyms
from shiftproof.shifts.text.words.casual import Casual
from shiftproof.shifts.text.words.changed_numbers import ChangedNumbers
from shiftproof.shifts.text.words.chat_spelling import ChatSpelling
from shiftproof.shifts.text.words.code_switching import CodeSwitching
from shiftproof.shifts.text.words.common_synonyms import CommonSynonyms
from shiftproof.shifts.text.words.confused_words import ConfusedWords
from shiftproof.shifts.text.words.conjunctions import Conjunctions
from shiftproof.shifts.text.words.contracted import Contracted
from shiftproof.shifts.text.words.dialect_grammar import DialectGrammar
from shiftproof.shifts.text.words.doubled_words import DoubledWords
from shiftproof.shifts.text.words.dropped_articles import DroppedArticles
from shiftproof.shifts.text.words.dropped_endings import DroppedEndings
from shiftproof.shifts.text.words.dropped_words import DroppedWords
from shiftproof.shifts.text.words.emoji_words import EmojiWords
from shiftproof.shifts.text.words.expanded import Expanded
from shiftproof.shifts.text.words.fillers import Fillers
from shiftproof.shifts.text.words.flat_adverbs import FlatAdverbs
from shiftproof.shifts.text.words.formal import Formal
from shiftproof.shifts.text.words.g_dropping import GDropping
from shiftproof.shifts.text.words.hashtags import Hashtags
from shiftproof.shifts.text.words.hedges import Hedges
from shiftproof.shifts.text.words.homophones import Homophones
from shiftproof.shifts.text.words.hyphens import Hyphens
from shiftproof.shifts.text.words.intensifiers import Intensifiers
from shiftproof.shifts.text.words.markup import Markup
from shiftproof.shifts.text.words.masked_words import MaskedWords
from shiftproof.shifts.text.words.misspellings import Misspellings
from shiftproof.shifts.text.words.modals import Modals
from shiftproof.shifts.text.words.negation import Negation
from shiftproof.shifts.text.words.neighbours import Neighbours
from shiftproof.shifts.text.words.new_hyphens import NewHyphens
from shiftproof.shifts.text.words.number_words import NumberWords
from shiftproof.shifts.text.words.person_names import PersonNames
from shiftproof.shifts.text.words.place_names import PlaceNames
from shiftproof.shifts.text.words.pronoun_gender import PronounGender
from shiftproof.shifts.text.words.quantities import Quantities
from shiftproof.shifts.text.words.regularised import Regularised
from shiftproof.shifts.text.words.relationships import Relationships
from shiftproof.shifts.text.words.stutters import Stutters
from shiftproof.shifts.text.words.swapped_words import SwappedWords
from shiftproof.shifts.text.words.symbols import Symbols
from shiftproof.shifts.text.words.tenses import Tenses
from shiftproof.shifts.text.words.th_stopping import ThStopping
from shiftproof.shifts.text.words.us_uk_spelling import UsUkSpelling
from shiftproof.shifts.text.words.verb_agreement import VerbAgreement
from shiftproof.shifts.text.words.wrong_articles import WrongArticles
from shiftproof.shifts.text.words.wrong_prepositions import WrongPrepositions

shifts: Registry[Shift]
__all__ = [
    "L0",
    "L1",
    "L2",
    "AddedPunctuation",
    "Antonyms",
    "AreYouSure",
    "Background",
    "BandPass",
    "Blank",
    "BlueNoiseSample",
    "Boxed",
    "Brightness",
    "BrownishNoise",
    "CannyEdges",
    "Casing",
    "Casual",
    "CategoryCosts",
    "CausticRefraction",
    "ChangedNumbers",
    "ChangedPunctuation",
    "ChatSpelling",
    "CheckerboardCutout",
    "CircularMotionBlur",
    "ClauseOrder",
    "CocentricSineWaves",
    "CodeSwitching",
    "ColumnDrift",
    "CombiningMarks",
    "CommonSynonyms",
    "Compose",
    "ConfusedWords",
    "Conjunctions",
    "Contracted",
    "Contrast",
    "Corruption",
    "Crop",
    "CurlyQuotes",
    "CutOff",
    "Decoder",
    "DefocusBlur",
    "DeletionMarks",
    "Detokenised",
    "Diacritics",
    "DialectGrammar",
    "Differentiable",
    "DiscourseMarkers",
    "Distractors",
    "DottedLine",
    "DoubledLetters",
    "DoubledWords",
    "DroppedArticles",
    "DroppedEndings",
    "DroppedLetters",
    "DroppedPunctuation",
    "DroppedVowels",
    "DroppedWords",
    "Edits",
    "Elastic",
    "ElasticTransform",
    "EmojiWords",
    "Emoticons",
    "EndMarks",
    "Expanded",
    "Fillers",
    "FlatAdverbs",
    "Fog",
    "Footers",
    "Formal",
    "FramedClaims",
    "Frost",
    "FullwidthLetters",
    "GDropping",
    "GaussianBlur",
    "GaussianNoise",
    "GlassBlur",
    "GreyScale",
    "Hashtags",
    "Hedges",
    "HighPass",
    "Homoglyphs",
    "Homophones",
    "HtmlEntities",
    "Hyphens",
    "Identity",
    "ImpulseNoise",
    "InsertedLetters",
    "Intensifiers",
    "InverseSparkles",
    "JoinedWords",
    "JpegCompression",
    "JpegQuality",
    "KeyboardSlips",
    "Leetspeak",
    "LineEndHyphens",
    "Lines",
    "Linf",
    "LowPass",
    "LowResolution",
    "Markup",
    "MaskedLetters",
    "MaskedWords",
    "Masks",
    "Mentions",
    "Missing",
    "Misspelled",
    "Misspellings",
    "MnistCRotate",
    "MnistCScale",
    "MnistCShear",
    "MnistCTranslate",
    "Modals",
    "Mojibake",
    "MotionBlur",
    "Negation",
    "Neighbours",
    "NeutralFacts",
    "NewHyphens",
    "NumberWords",
    "ObjectLocation",
    "ObjectRotation",
    "ObjectSize",
    "OcrErrors",
    "On",
    "OptionOrder",
    "OthersOpinions",
    "Patch",
    "PerlinNoise",
    "PersonNames",
    "Persona",
    "Perspective",
    "PhoneticSpelling",
    "Physical",
    "PinchAndTwirl",
    "Pixelate",
    "PlaceNames",
    "PlacePhrases",
    "PlacedObject",
    "PlasmaNoise",
    "Pressure",
    "PromptFormat",
    "PronounGender",
    "Quantities",
    "QuestionTags",
    "Quoted",
    "RandomLetters",
    "Regularised",
    "Relationships",
    "ReorderedDisplay",
    "RepeatedText",
    "Rewrite",
    "Rewritten",
    "Ripple",
    "Rotation",
    "Saturate",
    "Scale",
    "Shear",
    "Shift",
    "ShotNoise",
    "SingleFrequencyGreyscale",
    "Snow",
    "SoftHyphens",
    "SpacedLetters",
    "Sparkles",
    "Spatter",
    "SpeckleNoise",
    "SplitWords",
    "Stored",
    "StretchedWords",
    "Stripe",
    "Stutters",
    "StyledLetters",
    "Swapped",
    "SwappedLetters",
    "SwappedWords",
    "Symbols",
    "Tabular",
    "Tautologies",
    "Tenses",
    "ThStopping",
    "TimePhrases",
    "Translation",
    "TransverseChromaticAbberation",
    "Typos",
    "Union",
    "UrlSpaces",
    "UsUkSpelling",
    "VerbAgreement",
    "WhiteBalance",
    "WhiteSpace",
    "WholeCasing",
    "WithinQuantiles",
    "WithinSds",
    "WordBugs",
    "WrongArticles",
    "WrongPrepositions",
    "ZeroWidth",
    "Zigzag",
    "ZoomBlur",
    "shifts",
]
