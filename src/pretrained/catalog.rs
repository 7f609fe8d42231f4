//! The catalogue of pretrained weights.

use super::imagenet::imagenet_classes;
use super::weights::{Preprocessing, PretrainedWeights};
use crate::datasets::{Sha256, WeightsFile};
use crate::error::{Error, Result};
use crate::vision::Filter;

/// Returns the known pretrained weights. The first of an architecture are its default.
///
/// | name | parameters | top-1 | licence |
/// |---|---|---|---|
/// | `resnet18.tv_in1k` | 11.7 million | 69.76 % | BSD-3-Clause |
/// | `resnet18.a1_in1k` | 11.7 million | 71.49 % | Apache-2.0 |
/// | `resnet34.tv_in1k` | 21.8 million | 73.31 % | BSD-3-Clause |
/// | `resnet34.a1_in1k` | 21.8 million | 76.42 % | Apache-2.0 |
/// | `resnet50.tv2_in1k` | 25.6 million | 80.86 % | BSD-3-Clause |
/// | `resnet50.tv_in1k` | 25.6 million | 76.13 % | BSD-3-Clause |
/// | `resnet50.a1_in1k` | 25.6 million | 80.38 % | Apache-2.0 |
///
/// Those with `tv` are torchvision's ([weights](https://docs.pytorch.org/vision/stable/models.html)),
/// in PyTorch's format, which the feature `pytorch` reads. Those with `a1` are timm's, trained as in
/// [ResNet strikes back](https://arxiv.org/abs/2110.00476), and published as safetensors on the
/// [Hugging Face Hub](https://huggingface.co/timm).
///
/// ```
/// let names: Vec<_> = fastburn::pretrained::catalog()
///     .into_iter()
///     .filter(|weights| weights.architecture == "resnet50")
///     .map(|weights| weights.name().to_owned())
///     .collect();
/// assert_eq!(names, ["resnet50.tv2_in1k", "resnet50.tv_in1k", "resnet50.a1_in1k"]);
/// ```
pub fn catalog() -> Vec<PretrainedWeights> {
    ENTRIES.iter().map(Entry::weights).collect()
}

/// Finds pretrained weights by name, such as `resnet50.a1_in1k`, or the default ones of an
/// architecture, such as `resnet50`.
///
/// ```
/// let resnet = fastburn::pretrained::find("resnet18")?;
/// assert_eq!(resnet.name(), "resnet18.tv_in1k");
/// assert_eq!(resnet.file.licence.as_deref(), Some("BSD-3-Clause"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Setting`] if there are none of that name.
pub fn find(name: &str) -> Result<PretrainedWeights> {
    let mut entries = ENTRIES.iter();
    let found = entries.find(|entry| entry.name() == name || entry.architecture == name);
    found.map(Entry::weights).ok_or_else(|| {
        let mut architectures: Vec<_> = ENTRIES.iter().map(|entry| entry.architecture).collect();
        architectures.dedup();
        let names: Vec<_> = ENTRIES.iter().map(Entry::name).collect();
        let expected = format!("one of {}, {}", architectures.join(", "), names.join(", "));
        Error::setting("name of pretrained weights", name, expected)
    })
}

/// Weights trained on ImageNet-1k.
struct Entry {
    architecture: &'static str,
    publisher: Publisher,
    size: Option<u64>,
    sha256: [u128; 2],
    parameters: usize,
    top1: f64,
}

/// Who published weights, under which name.
enum Publisher {
    /// torchvision, with the suffix of the file's name.
    Torchvision { tag: &'static str, resize: usize, suffix: &'static str },
    /// timm, with a commit of its repository on the Hugging Face Hub, so that the file behind the
    /// URL cannot change.
    Timm { commit: &'static str },
}

use Publisher::{Timm, Torchvision};

// The facts of torchvision are those of `torchvision.models.resnet`'s weights, version 0.29; those of
// timm are in `timm/models/resnet.py` and in the models' cards: accuracy at 224 pixels, not at the
// 288 that timm tests with.
const ENTRIES: [Entry; 7] = [
    Entry {
        architecture: "resnet18",
        publisher: Torchvision { tag: "tv_in1k", resize: 256, suffix: "f37072fd" },
        size: Some(46_830_571),
        sha256: [0xf37072fd47e89c5e827621c5baffa750, 0x0819f7896bbacec160b1a16c560e07ec],
        parameters: 11_689_512,
        top1: 0.69758,
    },
    Entry {
        architecture: "resnet18",
        publisher: Timm { commit: "491b427b45c94c7fb0e78b5474cc919aff584bbf" },
        size: Some(46_807_446),
        sha256: [0x80c49dee3da4822c009c5a7fe591e922, 0x3c5a2cfcf95a4067ca4dfb5a7b89c612],
        parameters: 11_689_512,
        top1: 0.7149,
    },
    Entry {
        architecture: "resnet34",
        publisher: Torchvision { tag: "tv_in1k", resize: 256, suffix: "b627a593" },
        size: Some(87_319_819),
        sha256: [0xb627a593bcbe140c234610266fe4f8ae, 0x95ea42fc881d091c9b6052e6b1d0590f],
        parameters: 21_797_672,
        top1: 0.73314,
    },
    Entry {
        architecture: "resnet34",
        publisher: Timm { commit: "0e8757122c4c09b15fb9300c0fd09b3fe89e28bf" },
        size: None,
        sha256: [0x829a220f9529d2b1ffdc8719d3273463, 0x001e0daf411eaf1916865d9db62c0ed2],
        parameters: 21_797_672,
        top1: 0.7642,
    },
    Entry {
        architecture: "resnet50",
        publisher: Torchvision { tag: "tv2_in1k", resize: 232, suffix: "11ad3fa6" },
        size: Some(102_540_417),
        sha256: [0x11ad3fa62ca79e40addfd354a8ec4b7c, 0x75143b3038b8d2a807fbc68deab379ca],
        parameters: 25_557_032,
        top1: 0.80858,
    },
    Entry {
        architecture: "resnet50",
        publisher: Torchvision { tag: "tv_in1k", resize: 256, suffix: "0676ba61" },
        size: Some(102_530_333),
        sha256: [0x0676ba61b6795bbe1773cffd859882e5, 0xe297624d384b6993f7c9e683e722fb8a],
        parameters: 25_557_032,
        top1: 0.7613,
    },
    Entry {
        architecture: "resnet50",
        publisher: Timm { commit: "767268603ca0cb0bfe326fa87277f19c419566ef" },
        size: Some(102_469_840),
        sha256: [0x773525d5821de224f8f30c33377b7a79, 0x5d7863e08522698200d3217d3f2a41bb],
        parameters: 25_557_032,
        top1: 0.8038,
    },
];

impl Entry {
    fn name(&self) -> String {
        let tag = match self.publisher {
            Torchvision { tag, .. } => tag,
            Timm { .. } => "a1_in1k",
        };
        format!("{}.{tag}", self.architecture)
    }

    fn weights(&self) -> PretrainedWeights {
        let (name, architecture) = (self.name(), self.architecture);
        let (file_name, url, licence, preprocessing) = match self.publisher {
            Torchvision { resize, suffix, .. } => {
                let file = format!("{architecture}-{suffix}.pth");
                let url = format!("https://download.pytorch.org/models/{file}");
                (file, url, "BSD-3-Clause", Preprocessing::imagenet(resize, 224))
            }
            Timm { commit } => {
                let file = format!("{name}.safetensors");
                let place = format!("https://huggingface.co/timm/{name}/resolve/{commit}");
                // timm's crop of 0.95: 224 / 0.95 = 235.8, rounded down.
                let bicubic =
                    Preprocessing { filter: Filter::Bicubic, ..Preprocessing::imagenet(235, 224) };
                (file, format!("{place}/model.safetensors"), "Apache-2.0", bicubic)
            }
        };
        let mut sha256 = [0; 32];
        for (bytes, half) in sha256.chunks_exact_mut(16).zip(self.sha256) {
            bytes.copy_from_slice(&half.to_be_bytes());
        }
        PretrainedWeights {
            file: WeightsFile {
                size: self.size,
                sha256: Some(Sha256::new(sha256).into()),
                licence: Some(licence.to_owned()),
                ..WeightsFile::new(name, file_name, url)
            },
            architecture: architecture.to_owned(),
            parameters: Some(self.parameters),
            top1: Some(self.top1),
            preprocessing,
            classes: imagenet_classes(),
        }
    }
}
