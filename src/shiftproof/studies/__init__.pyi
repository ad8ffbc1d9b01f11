"""Made from the table in `__init__.py` by `make stubs`."""

from shiftproof.registry import Registry
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.accuracy_disparity import AccuracyDisparity
from shiftproof.studies.adversarial_errors import AdversarialErrors
from shiftproof.studies.adversarial_training_and_corruptions import AdversarialTrainingAndCorruptions
from shiftproof.studies.anomaly_under_shift import AnomalyUnderShift
from shiftproof.studies.bias_and_variance_reduction import BiasAndVarianceReduction
from shiftproof.studies.capacity_and_robustness import CapacityAndRobustness
from shiftproof.studies.changed_words_and_vectors import ChangedWordsAndVectors
from shiftproof.studies.component_removal import ComponentRemoval
from shiftproof.studies.compression_purification import CompressionPurification
from shiftproof.studies.controlled_shift import ControlledShift
from shiftproof.studies.coreset_weights import CoresetWeights
from shiftproof.studies.cross_domain_errors import CrossDomainErrors
from shiftproof.studies.data_mixtures import DataMixtures
from shiftproof.studies.defence_table import DefenceTable
from shiftproof.studies.disparity_under_imbalance import DisparityUnderImbalance
from shiftproof.studies.ensembles_of_return_distributions import EnsemblesOfReturnDistributions
from shiftproof.studies.feature_contamination import FeatureContamination
from shiftproof.studies.gaussian_noise_and_adversarial import GaussianNoiseAndAdversarial
from shiftproof.studies.group_dro_regularisation import GroupDroRegularisation
from shiftproof.studies.hard_or_generated_examples import HardOrGeneratedExamples
from shiftproof.studies.heterogeneous_shift import HeterogeneousShift
from shiftproof.studies.high_frequency_generalisation import HighFrequencyGeneralisation
from shiftproof.studies.holistic_robust_training import HolisticRobustTraining
from shiftproof.studies.individual_temperatures import IndividualTemperatures
from shiftproof.studies.information_lift import InformationLift
from shiftproof.studies.instance_reweighted_training import InstanceReweightedTraining
from shiftproof.studies.invariant_predictors import InvariantPredictors
from shiftproof.studies.label_robust_losses import LabelRobustLosses
from shiftproof.studies.learning_from_errors import LearningFromErrors
from shiftproof.studies.low_shot_shift import LowShotShift
from shiftproof.studies.madry_minmax import MadryMinmax
from shiftproof.studies.names_of_one_type import NamesOfOneType
from shiftproof.studies.quantile_regions import QuantileRegions
from shiftproof.studies.quantity import Quantity, difference, share
from shiftproof.studies.random_network_augmentation import RandomNetworkAugmentation
from shiftproof.studies.rewriting_at_test_time import RewritingAtTestTime
from shiftproof.studies.robust_and_nonrobust_features import RobustAndNonrobustFeatures
from shiftproof.studies.robustness_accuracy_tradeoff import RobustnessAccuracyTradeoff
from shiftproof.studies.rotation_self_supervision import RotationSelfSupervision
from shiftproof.studies.run import read_studies, run_study
from shiftproof.studies.sampled_trajectory_bounds import SampledTrajectoryBounds
from shiftproof.studies.sdm_activation import SdmActivation
from shiftproof.studies.selective_language_modelling import SelectiveLanguageModelling
from shiftproof.studies.sensitivity_law import SensitivityLaw
from shiftproof.studies.simplicity_bias import SimplicityBias
from shiftproof.studies.singular_distributions import SingularDistributions
from shiftproof.studies.stable_propagation import StablePropagation
from shiftproof.studies.style_exploration_domains import StyleExplorationDomains
from shiftproof.studies.tokens_for_low_resolution import TokensForLowResolution
from shiftproof.studies.trial import Trial
from shiftproof.studies.unlabelled_shifted_data import UnlabelledShiftedData

studies: Registry[Study]
__all__ = [
    "AccuracyDisparity",
    "AdversarialErrors",
    "AdversarialTrainingAndCorruptions",
    "AnomalyUnderShift",
    "BiasAndVarianceReduction",
    "CapacityAndRobustness",
    "ChangedWordsAndVectors",
    "ComponentRemoval",
    "CompressionPurification",
    "ControlledShift",
    "CoresetWeights",
    "CrossDomainErrors",
    "DataMixtures",
    "DefenceTable",
    "DisparityUnderImbalance",
    "EarlierLook",
    "EnsemblesOfReturnDistributions",
    "FeatureContamination",
    "GaussianNoiseAndAdversarial",
    "GroupDroRegularisation",
    "HardOrGeneratedExamples",
    "HeterogeneousShift",
    "HighFrequencyGeneralisation",
    "HolisticRobustTraining",
    "IndividualTemperatures",
    "InformationLift",
    "InstanceReweightedTraining",
    "InvariantPredictors",
    "LabelRobustLosses",
    "LearningFromErrors",
    "LowShotShift",
    "MadryMinmax",
    "NamesOfOneType",
    "Prediction",
    "QuantileRegions",
    "Quantity",
    "RandomNetworkAugmentation",
    "RewritingAtTestTime",
    "RobustAndNonrobustFeatures",
    "RobustnessAccuracyTradeoff",
    "RotationSelfSupervision",
    "SampledTrajectoryBounds",
    "SdmActivation",
    "SelectiveLanguageModelling",
    "SensitivityLaw",
    "SimplicityBias",
    "SingularDistributions",
    "StablePropagation",
    "Study",
    "StyleExplorationDomains",
    "TokensForLowResolution",
    "Trial",
    "UnlabelledShiftedData",
    "difference",
    "read_studies",
    "run_study",
    "share",
    "studies",
]
