//! Rows of numbers: what a table holds, and what is learnt from it.

use fastburn::callbacks::{EarlyStopping, Monitor};
use fastburn::data::{DataLoaders, TensorSource};
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, Mse};
use fastburn::metrics::{accuracy, mae, rmse};
use fastburn::models::{LinearConfig, MlpConfig, Model};
use fastburn::rows::{RowSpec, Table};

use crate::support::{assert_close, each_device, values};

/// y = 3 a - b / 10 + 2, of which b is a hundred times as large as a.
fn planes(count: i32) -> String {
    let line = |i: i32| {
        let (a, b) = (f64::from(i % 7), 100.0 * f64::from(i % 5));
        format!("{a},{b},{},{}\n", 3.0 * a - b / 10.0 + 2.0, i % 4 == 0)
    };
    "a,b,y,is_valid\n".to_owned() + &(0..count).map(line).collect::<String>()
}

fn table(csv: &str) -> Table {
    Table::parse("planes.csv", csv.as_bytes()).unwrap()
}

#[test]
fn a_regression_on_a_table_finds_its_plane() {
    let csv = planes(140);
    each_device(|device| {
        let (train, valid) = table(&csv).split_by("is_valid").unwrap();
        let dls = DataLoaders::from_rows(&train, &valid, &["a", "b"], "y", device).unwrap();
        let model = LinearConfig::new(2, 1).init(device, 1).unwrap();
        let mut learn = Learner::new(dls.batch_size(15).unwrap(), model, Mse)
            .metric(rmse())
            .metric(mae())
            .callback(EarlyStopping::patience(3).monitor(Monitor::new("rmse").min_delta(1e-4)));
        learn.fit(200, 0.3).unwrap();
        assert!(learn.validate().unwrap().metrics[0] < 0.05, "{:?}", learn.validate());
        assert!(learn.history().epochs.len() < 200, "it stops early");

        // The weights are those of the plane, in units of the features' deviations.
        let spec = RowSpec::of(&train, &["a", "b"]).unwrap();
        let weights = values(learn.model().layer.weight.val());
        let expected = [3.0 * spec.features[0].std, -0.1 * spec.features[1].std];
        assert_close(&weights, &expected.map(|weight| weight as f32), 0.01, 0.05);
    });
}

#[test]
fn classes_of_a_table_are_learnt() {
    let line = |i: i32| format!("{}, {} ,{}\n", i % 10, i % 3, if i % 10 > 5 { "b" } else { "a" });
    let csv = "x,noise,class\n".to_owned() + &(0..90).map(line).collect::<String>();
    each_device(|device| {
        let (train, valid) = table(&csv).split(0.3, 1).unwrap();
        let dls = DataLoaders::from_classes(&train, &valid, &["x", "noise"], "class", device);
        let model = MlpConfig::new([2, 8, 2]).init(device, 1).unwrap();
        let mut learn =
            Learner::new(dls.unwrap().batch_size(9).unwrap(), model, CrossEntropy::new())
                .metric(accuracy());
        learn.fit(40, 0.02).unwrap();
        assert_eq!(learn.validate().unwrap().metrics, [1.0]);
    });
}

#[test]
fn features_are_standardised_by_the_training_rows() {
    let train = table("a,b,c\n1,5,0\n3,5,0\n5,5,0\n9,5,0\n");
    let spec = RowSpec::of(&train, &["b", "a"]).unwrap();
    // numpy: mean 4.5, std(ddof=0) sqrt(8.75); a constant column is only shifted.
    let [b, a] = &spec.features[..] else { panic!() };
    assert_eq!((b.name.as_str(), b.mean, b.std), ("b", 5.0, 1.0));
    assert_eq!((a.mean, a.std), (4.5, 8.75_f64.sqrt()));
    let valid = table("c,b,a\n0,6,4.5\n0,5,7.458039891549808\n");
    assert_close(&spec.inputs(&valid).unwrap(), &[1.0, 0.0, 0.0, 1.0], 1e-6, 0.0);
    assert_eq!(spec.scaled(&[6.0, 4.5]).unwrap(), [1.0, 0.0]);
    let error = spec.scaled(&[6.0]).unwrap_err().to_string();
    assert!(error.contains("2 values: b, a") && error.contains('1'), "{error}");
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<RowSpec>(&json).unwrap(), spec);
}

#[test]
fn a_split_has_every_row_once_and_depends_on_the_seed_alone() {
    let whole = table(&planes(50));
    let halves = |seed: u64| {
        let (train, valid) = whole.split(0.2, seed).unwrap();
        (train.numbers("y").unwrap(), valid.numbers("y").unwrap())
    };
    let (train, valid) = halves(1);
    assert_eq!((train.len(), valid.len()), (40, 10));
    let sorted = |mut all: Vec<f32>| {
        all.sort_by(f32::total_cmp);
        all
    };
    assert_eq!(sorted([train.clone(), valid].concat()), sorted(whole.numbers("y").unwrap()));
    assert_eq!(halves(1).0, train);
    assert_ne!(halves(2).0, train);
    for share in [-0.1, f64::NAN, 1.0, 2.0] {
        assert!(whole.split(share, 1).is_err(), "{share}");
    }
    let (train, valid) = whole.split_by("is_valid").unwrap();
    assert_eq!((train.len(), valid.len()), (37, 13));
}

#[test]
fn what_is_wrong_with_a_table_is_named_with_its_line() {
    let parse =
        |csv: &str| Table::parse("t.csv", csv.as_bytes()).map(drop).unwrap_err().to_string();
    assert_eq!(parse(""), "t.csv: an empty table; expected the names of its columns");
    assert_eq!(parse("a,b\n"), "t.csv: a table without rows below the names of its columns");
    assert_eq!(parse("a,b,a\n1,2,3\n"), "t.csv: two columns are called a");
    let problem = "t.csv: no comma but ';' in the names of the columns; \
                   expected columns separated by commas";
    assert_eq!(parse("a;b\n1;2,5\n"), problem);
    let problem = "t.csv: line 4: 3 cells; expected 2, as in the first line";
    assert_eq!(parse("a,b\n1,2\n\n1,2,3\n"), problem);
    let bytes = b"a,b\n1,\xff\n";
    let error = Table::parse("t.csv", bytes).unwrap_err().to_string();
    assert_eq!(error, "t.csv: line 2: not UTF-8; expected a table in UTF-8");

    let whole =
        Table::parse("t.csv", b"\xef\xbb\xbfa,b,part\n1,x,train\n\n n/a ,y,test\n").unwrap();
    let error = whole.numbers("a").unwrap_err().to_string();
    assert_eq!(error, "t.csv: line 4, column a: \" n/a \" is not a number");
    for cell in ["inf", "NaN", "1e99", ""] {
        let one = Table::parse("t.csv", format!("a,b\n{cell},2\n").as_bytes()).unwrap();
        assert!(one.numbers("a").is_err(), "{cell}");
    }
    let error = whole.numbers("c").unwrap_err().to_string();
    assert_eq!(error, "t.csv: no column c; there are a, b, part");
    let error = whole.classes("b", &["x".to_owned()]).unwrap_err().to_string();
    assert_eq!(error, "t.csv: line 4, column b: \"y\" is not one of the classes x");
    let error = whole.split_by("part").unwrap_err().to_string();
    assert_eq!(error, "t.csv: line 4, column part: \"test\" is not true or false");
    let train = Table::parse("t.csv", b"a,v\n1,0\n2,0\n").unwrap();
    let error = train.split_by("v").unwrap_err().to_string();
    assert_eq!(error, "t.csv: no row to validate on by column v");
    assert!(RowSpec::of(&train, &[]).is_err());
    let error = RowSpec::of(&train, &["a", "v", "a"]).unwrap_err().to_string();
    assert_eq!(error, "invalid features a, v, a: expected a once");
    let device = fastburn::device::cpu().unwrap();
    let dls = DataLoaders::from_rows(&train, &train, &["a", "v"], "v", &device);
    let error = dls.unwrap_err().to_string();
    assert_eq!(error, "invalid features a, v: expected none that is the target, v");
    let spec = RowSpec::of(&train, &["a"]).unwrap();
    let error = spec.scaled(&[f32::NAN]).unwrap_err().to_string();
    assert_eq!(error, "invalid value of a feature NaN: expected a finite number for a");
}

#[test]
fn rows_of_slices_are_those_of_a_table() {
    each_device(|device| {
        let source = TensorSource::from_rows(&[[1.0, 2.0], [3.0, 4.0]], &[[3.0], [7.0]], device);
        let source = source.unwrap();
        let dls = DataLoaders::new(source.clone(), source, 0);
        let batch = dls.valid.batch(&dls.valid.order(0), 0, device).unwrap();
        assert_eq!(values(batch.input.clone()), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(values(batch.target), [3.0, 7.0]);
        let model = LinearConfig::new(2, 1).init(device, 0).unwrap();
        assert_eq!(model.forward(batch.input).dims(), [2, 1]);
    });
    let device = fastburn::device::cpu().unwrap();
    assert!(TensorSource::from_rows(&[[1.0]], &[[1.0], [2.0]], &device).is_err());
}
