"""Published claims, re-measured with the library's own parts: one file, one claim."""

from __future__ import annotations

from shiftproof.registry import package_of_parts

studies, __all__, __getattr__ = package_of_parts(
    __name__,
    "study",
    base="abstract:Study",
    parts={
        "learning_from_errors": "learning_from_errors:LearningFromErrors",
        "cross_domain_errors": "cross_domain_errors:CrossDomainErrors",
        "adversarial_errors": "adversarial_errors:AdversarialErrors",
        "robust_and_nonrobust_features": "robust_and_nonrobust_features:RobustAndNonrobustFeatures",
        "high_frequency_generalisation": "high_frequency_generalisation:HighFrequencyGeneralisation",
        "adversarial_training_and_corruptions": "adversarial_training_and_corruptions:AdversarialTrainingAndCorruptions",
        "gaussian_noise_and_adversarial": "gaussian_noise_and_adversarial:GaussianNoiseAndAdversarial",
        "madry_minmax": "madry_minmax:MadryMinmax",
        "robustness_accuracy_tradeoff": "robustness_accuracy_tradeoff:RobustnessAccuracyTradeoff",
        "accuracy_disparity": "accuracy_disparity:AccuracyDisparity",
        "simplicity_bias": "simplicity_bias:SimplicityBias",
        "group_dro_regularisation": "group_dro_regularisation:GroupDroRegularisation",
        "defence_table": "defence_table:DefenceTable",
        "sampled_trajectory_bounds": "sampled_trajectory_bounds:SampledTrajectoryBounds",
        "label_robust_losses": "label_robust_losses:LabelRobustLosses",
        "sensitivity_law": "sensitivity_law:SensitivityLaw",
        "feature_contamination": "feature_contamination:FeatureContamination",
        "heterogeneous_shift": "heterogeneous_shift:HeterogeneousShift",
        "bias_and_variance_reduction": "bias_and_variance_reduction:BiasAndVarianceReduction",
        "holistic_robust_training": "holistic_robust_training:HolisticRobustTraining",
        "sdm_activation": "sdm_activation:SdmActivation",
        "stable_propagation": "stable_propagation:StablePropagation",
        "quantile_regions": "quantile_regions:QuantileRegions",
        "information_lift": "information_lift:InformationLift",
        "anomaly_under_shift": "anomaly_under_shift:AnomalyUnderShift",
        "component_removal": "component_removal:ComponentRemoval",
        "names_of_one_type": "names_of_one_type:NamesOfOneType",
        "rewriting_at_test_time": "rewriting_at_test_time:RewritingAtTestTime",
        "unlabelled_shifted_data": "unlabelled_shifted_data:UnlabelledShiftedData",
        "invariant_predictors": "invariant_predictors:InvariantPredictors",
        "disparity_under_imbalance": "disparity_under_imbalance:DisparityUnderImbalance",
    },
    also=(
        "abstract:EarlierLook",
        "abstract:Prediction",
        "quantity:Quantity",
        "quantity:difference",
        "quantity:share",
        "run:read_studies",
        "run:run_study",
        "trial:Trial",
    ),
)
