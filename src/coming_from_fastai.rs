#![doc = include_str!("coming_from_fastai.md")]
