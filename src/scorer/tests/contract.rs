//! What a file must declare to rank, and what its metadata does to the scores.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::cell::RefCell;

use nearside_core::feature::Values;
use nearside_core::{Feature, Features, Scorer};
use nearside_scorer::{Dim, Engine, Error, Model, ModelFile, SCHEMA};
use rten_onnx::onnx::{
    AttributeProto, DataType, Dimension, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};

/// A symbolic dimension.
const N: Option<i64> = None;

fn value(name: &str, element: DataType, dims: &[Option<i64>]) -> ValueInfoProto {
    let dim =
        dims.iter().map(|d| Dimension { dim_value: *d, dim_param: d.is_none().then(|| "N".to_string()) }).collect();
    let tensor = TypeProtoTensor { elem_type: Some(element), shape: Some(TensorShapeProto { dim }) };
    let r#type = Some(TypeProto { tensor_type: Some(tensor), sequence: None });
    ValueInfoProto { name: Some(name.into()), r#type }
}

fn number(name: &str, dims: &[Option<i64>]) -> ValueInfoProto {
    value(name, DataType::FLOAT, dims)
}

fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: Some(operator.into()),
        input: inputs.iter().map(|s| s.to_string()).collect(),
        output: vec![output.into()],
        ..Default::default()
    }
}

fn weight(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: dims.to_vec(),
        data_type: Some(DataType::FLOAT),
        raw_data: Some(RefCell::new(values.iter().flat_map(|v| v.to_le_bytes()).collect())),
        ..Default::default()
    }
}

/// A file under construction: its graph, and metadata on top of schema and output.
struct File {
    graph: GraphProto,
    metadata: Vec<(&'static str, String)>,
}

impl File {
    /// `score` is the sum of the inputs.
    fn sum(inputs: Vec<ValueInfoProto>) -> Self {
        let names: Vec<_> = inputs.iter().map(|i| i.name.clone().unwrap()).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let graph = GraphProto {
            node: vec![node("Sum", &names, "score")],
            input: inputs,
            output: vec![number("score", &[N])],
            ..Default::default()
        };
        Self { graph, metadata: Vec::new() }
    }

    fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.metadata.push((key, value.into()));
        self
    }

    fn bytes(self) -> Vec<u8> {
        let mut metadata = self.metadata;
        for (key, value) in [("nearside.schema", "1"), ("nearside.output", "probability")] {
            if metadata.iter().all(|(k, _)| *k != key) {
                metadata.push((key, value.into()));
            }
        }
        let entry = |(key, value): (&str, String)| StringStringEntryProto { key: Some(key.into()), value: Some(value) };
        ModelProto {
            ir_version: Some(8),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto { domain: None, version: Some(17) }],
            metadata_props: metadata.into_iter().map(entry).collect(),
            producer_name: None,
            producer_version: None,
        }
        .write_buf()
        .unwrap()
    }

    /// The answer of every engine, which has to be the same.
    fn load(self) -> Result<Vec<Model>, Error> {
        let bytes = self.bytes();
        let models: Vec<_> = Engine::ALL.iter().map(|engine| Model::load(&bytes, *engine)).collect();
        models.into_iter().collect()
    }

    fn refused(self) -> Error {
        self.load().err().expect("the file should be refused")
    }

    /// The scores of candidates whose `ad.discount` is `values`.
    fn scores(self, values: &[f32]) -> Vec<f32> {
        let mut all: Vec<Vec<f32>> = Vec::new();
        for mut model in self.load().unwrap() {
            let mut features = Features::new(values.len());
            features.set(Feature::AdDiscount, Values::Float(values.into()));
            let mut scores = Vec::new();
            model.score(&features, &mut scores).unwrap();
            all.push(scores);
        }
        all.iter().skip(1).for_each(|other| assert_close(other, &all[0]));
        all.remove(0)
    }
}

/// `f32` functions of libm and of the engines agree to a few units in the last place.
fn assert_close(got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-6, "{got} is not {expected}");
    }
}

fn discount() -> File {
    File::sum(vec![number("ad.discount", &[N])])
}

#[test]
fn a_probability_is_used_as_it_is() {
    assert_eq!(discount().scores(&[0.25, 0.5]), [0.25, 0.5]);
}

#[test]
fn a_logit_becomes_a_probability() {
    let scores = discount().with("nearside.output", "logit").scores(&[0.0, 2.0]);
    assert_close(&scores, &[0.5, 0.880_797]);
}

#[test]
fn calibration_scales_and_shifts_the_logit() {
    let calibration = r#"{"scale": 2, "offset": -1}"#;
    let logit = discount().with("nearside.output", "logit").with("nearside.calibration", calibration);
    assert_close(&logit.scores(&[0.5, 1.0]), &[0.5, 0.731_058_6]);
    // ln(p / (1 - p)) of 0.731 is 1.
    let probability = discount().with("nearside.calibration", calibration);
    assert_close(&probability.scores(&[0.731_058_6]), &[0.731_058_6]);
}

#[test]
fn calibrated_probabilities_of_zero_and_one_stay_finite() {
    let calibration = r#"{"scale": 1, "offset": 0}"#;
    let scores = discount().with("nearside.calibration", calibration).scores(&[0.0, 1.0]);
    assert_close(&scores, &[0.0, 1.0]);
}

#[test]
fn no_candidates_need_no_engine() {
    assert!(discount().scores(&[]).is_empty());
}

#[test]
fn scores_are_appended_to_those_that_are_there() {
    for mut model in discount().load().unwrap() {
        let mut features = Features::new(1);
        features.set(Feature::AdDiscount, Values::Float(vec![0.5].into()));
        let mut scores = vec![9.0];
        model.score(&features, &mut scores).unwrap();
        assert_eq!(scores, [9.0, 0.5]);
    }
}

#[test]
fn columns_and_rows_of_candidates_are_both_served() {
    let file = File::sum(vec![number("ad.discount", &[N, Some(1)])]);
    assert_eq!(file.scores(&[0.25, 0.5, 0.75]), [0.25, 0.5, 0.75]);
}

#[test]
fn a_fixed_number_of_candidates_is_refused_with_the_way_out() {
    let error = File::sum(vec![number("ad.discount", &[Some(200)])]).refused();
    assert_eq!((error.code(), error.field()), ("input-shape", Some("ad.discount")));
    assert!(error.remedy().contains("symbolic N"), "{}", error.remedy());
}

#[test]
fn inputs_outside_the_table_are_named_and_the_table_is_listed() {
    let error = File::sum(vec![number("ad.mood", &[N]), number("shopper.age", &[N])]).refused();
    assert_eq!(error, Error::UnknownInput { inputs: vec!["ad.mood".into(), "shopper.age".into()] });
    assert!(Feature::ALL.iter().all(|f| error.remedy().contains(f.name())));
}

#[test]
fn an_id_declared_as_a_number_is_refused() {
    assert_eq!(File::sum(vec![number("ad.item", &[N])]).refused().code(), "input-type");
}

#[test]
fn a_model_that_reads_nothing_about_the_ads_is_refused() {
    let mut file = File::sum(vec![number("profile.stage", &[Some(1), Some(6)])]);
    file.graph.output = vec![number("score", &[N, Some(1)])];
    assert_eq!(file.refused().code(), "output-shape");
}

#[test]
fn a_fixed_session_length_is_what_the_scorer_asks_for() {
    let session = number("session.price", &[Some(1), Some(20)]);
    let mut file = File::sum(vec![number("ad.discount", &[N]), session]);
    file.graph.node = vec![node("ReduceSum", &["session.price"], "total"), node("Mul", &["ad.discount", "total"], "x")];
    file.graph.node.push(node("Squeeze", &["x", "first"], "score"));
    file.graph.initializer = vec![axes("first", &[0])];
    for model in file.load().unwrap() {
        assert_eq!(model.session_length(), Some(20));
    }
}

fn axes(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: vec![values.len() as i64],
        data_type: Some(DataType::INT64),
        int64_data: values.to_vec(),
        ..Default::default()
    }
}

#[test]
fn two_session_lengths_in_one_file_are_refused() {
    let error = File::sum(vec![
        number("ad.discount", &[N]),
        number("session.price", &[Some(1), Some(20)]),
        number("session.age_s", &[Some(1), Some(30)]),
    ])
    .refused();
    assert_eq!((error.code(), error.field()), ("input-shape", Some("session.age_s")));
}

#[test]
fn embeddings_of_another_width_than_the_catalogue_are_refused_and_the_model_goes_on() {
    let mut file = File::sum(vec![number("ad.embedding", &[N, Some(2)])]);
    file.graph.node = vec![node("MatMul", &["ad.embedding", "w"], "x"), node("Squeeze", &["x", "last"], "score")];
    file.graph.initializer = vec![weight("w", &[2, 1], &[0.5, 0.25]), axes("last", &[1])];
    for mut model in file.load().unwrap() {
        let mut scores = Vec::new();
        let mut wide = Features::new(1);
        wide.set(Feature::AdEmbedding, Values::Float(vec![1.0; 3].into()));
        assert_eq!(model.score(&wide, &mut scores).unwrap_err().code, "input-shape");
        assert!(scores.is_empty());
        let mut right = Features::new(2);
        right.set(Feature::AdEmbedding, Values::Float(vec![1.0, 0.0, 0.0, 1.0].into()));
        model.score(&right, &mut scores).unwrap();
        assert_close(&scores, &[0.5, 0.25]);
    }
}

#[test]
fn a_feature_that_was_not_computed_is_named() {
    for mut model in discount().load().unwrap() {
        let error = model.score(&Features::new(1), &mut Vec::new()).unwrap_err();
        assert_eq!(error.code, "input-shape");
        assert!(error.message.contains("ad.discount"), "{}", error.message);
    }
}

#[test]
fn an_initializer_among_the_inputs_is_no_input() {
    let mut file = File::sum(vec![number("ad.discount", &[N]), number("bias", &[Some(1)])]);
    file.graph.initializer = vec![weight("bias", &[1], &[0.5])];
    assert_eq!(file.scores(&[0.25]), [0.75]);
}

#[test]
fn an_infinite_score_is_an_error_and_not_a_score() {
    let mut file = discount();
    file.graph.node = vec![node("Log", &["ad.discount"], "score")];
    for mut model in file.load().unwrap() {
        let mut features = Features::new(2);
        features.set(Feature::AdDiscount, Values::Float(vec![1.0, 0.0].into()));
        let mut scores = Vec::new();
        assert_eq!(model.score(&features, &mut scores).unwrap_err().code, "non-finite-score");
        assert!(scores.is_empty());
    }
}

#[test]
fn a_mask_of_zeros_and_infinities_is_no_damage() {
    let mut file = discount();
    file.graph.node = vec![node("Max", &["ad.discount", "floor"], "score")];
    file.graph.initializer = vec![weight("floor", &[1], &[f32::NEG_INFINITY])];
    assert_eq!(file.scores(&[0.5]), [0.5]);
}

#[test]
fn an_infinite_weight_among_others_is_damage() {
    let mut file = discount();
    file.graph.node = vec![node("Max", &["ad.discount", "w"], "score")];
    file.graph.initializer = vec![weight("w", &[2], &[0.5, f32::INFINITY])];
    assert_eq!(file.refused().code(), "model-damaged");
}

#[test]
fn a_golden_case_within_the_tolerance_passes_and_beyond_it_does_not() {
    let golden = |score: f32| {
        format!(r#"[{{"inputs": {{"ad.discount": {{"shape": [1], "data": [0.5]}}}}, "score": [{score}]}}]"#)
    };
    assert_eq!(discount().with("nearside.golden", golden(0.500_05)).load().unwrap()[0].report().golden, 1);
    assert_eq!(
        discount().with("nearside.golden", golden(0.501)).refused(),
        Error::GoldenMismatch { case: 0, candidate: 0, expected: 0.501, got: 0.5 }
    );
}

#[test]
fn a_golden_case_with_another_input_than_the_model_is_refused() {
    let golden = r#"[{"inputs": {"ad.price": {"shape": [1], "data": [0.5]}}, "score": [0.5]}]"#;
    assert_eq!(discount().with("nearside.golden", golden).refused().code(), "golden-mismatch");
}

#[test]
fn a_file_without_metadata_loads_with_warnings() {
    let mut bytes = discount().bytes();
    // The metadata are the last fields of the file; their first one starts with its tag and key.
    let at = bytes.windows(4).position(|w| w == b"near").unwrap() - 4;
    bytes.truncate(at);
    let file = ModelFile::read(&bytes).unwrap();
    assert_eq!(file.warnings.len(), 3, "{:?}", file.warnings);
}

#[test]
fn another_schema_is_refused() {
    let error = discount().with("nearside.schema", "2").refused();
    assert_eq!(error, Error::SchemaMismatch { expected: SCHEMA, got: "2".into() });
}

#[test]
fn an_output_that_is_neither_probability_nor_logit_is_refused() {
    let error = discount().with("nearside.output", "rank").refused();
    assert_eq!((error.code(), error.field()), ("model-damaged", Some("nearside.output")));
}

#[test]
fn a_vocabulary_is_compared_only_where_the_file_names_one() {
    let hash = "0123456789abcdef";
    for model in discount().with("nearside.vocabulary", hash).load().unwrap() {
        assert_eq!(model.check_vocabulary(hash), Ok(()));
        assert_eq!(model.check_vocabulary("fedcba9876543210").unwrap_err().code(), "vocabulary-mismatch");
    }
    assert_eq!(discount().load().unwrap()[0].check_vocabulary(hash), Ok(()));
}

#[test]
fn the_report_says_what_was_loaded() {
    let bytes = discount().with("nearside.description", "a test").bytes();
    let model = Model::load(&bytes, Engine::ALL[0]).unwrap();
    let report = model.report();
    assert_eq!((report.engine, report.model.as_str()), (model.name(), model.model().unwrap()));
    assert_eq!((report.inputs[0].name.as_str(), report.inputs[0].dtype), ("ad.discount", "float"));
    assert_eq!(report.inputs[0].shape, Some(vec![Dim::Symbol("N".into())]));
    assert_eq!((report.operators, report.bytes), (vec!["Sum".to_string()], bytes.len()));
    assert_eq!(report.description.as_deref(), Some("a test"));
}

#[test]
fn an_operator_of_another_domain_is_not_taken_for_one_of_the_same_name() {
    let mut file = discount();
    file.graph.node[0].domain = Some("com.example".into());
    assert_eq!(
        file.refused(),
        Error::UnsupportedOperator { operators: vec!["com.example.Sum".into()], engine: Some(Engine::ALL[0]) }
    );
}

#[test]
fn a_repeated_attribute_is_damage() {
    let mut file = discount();
    let attribute = AttributeProto { name: Some("axis".into()), i: Some(0), ..Default::default() };
    file.graph.node = vec![node("Softmax", &["ad.discount"], "score")];
    file.graph.node[0].attribute = vec![attribute.clone(), attribute];
    assert_eq!(file.refused().code(), "model-damaged");
}

/// `count` nodes in a row, then `score`.
fn chain(count: usize) -> File {
    let mut file = discount();
    let name = |i: usize| if i == 0 { "ad.discount".into() } else { format!("x{i}") };
    let operators = ["Relu", "Neg", "Abs", "Sqrt"];
    file.graph.node = (0..count).map(|i| node(operators[i % 4], &[&name(i)], &name(i + 1))).collect();
    file.graph.node.push(node("Abs", &[&name(count)], "score"));
    file
}

#[test]
fn a_chain_of_a_thousand_nodes_stays_off_the_stack_and_a_longer_one_is_refused() {
    assert_eq!(chain(999).scores(&[0.5]).len(), 1);
    assert_eq!(chain(1000).refused().code(), "model-too-large");
}

#[test]
fn ten_thousand_nodes_side_by_side_are_served() {
    let mut file = discount();
    let names: Vec<_> = (0..9_999).map(|i| format!("x{i}")).collect();
    file.graph.node = names.iter().map(|name| node("Relu", &["ad.discount"], name)).collect();
    file.graph.node.push(node("Sum", &names.iter().map(String::as_str).collect::<Vec<_>>(), "score"));
    assert_eq!(file.scores(&[0.5]), [4999.5]);
}

#[test]
fn chosen_ads_have_the_scores_that_they_have_among_all() {
    for mut model in discount().load().unwrap() {
        let all = [0.1, 0.2, 0.3, 0.4];
        let mut features = Features::new(all.len()).of_rows(&[3, 1]);
        features.set(Feature::AdDiscount, Values::Float(all.as_slice().into()));
        let mut scores = Vec::new();
        model.score(&features, &mut scores).unwrap();
        assert_eq!(scores, [0.4, 0.2]);
    }
}
