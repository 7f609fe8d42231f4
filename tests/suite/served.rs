//! A data set that a server on this machine has, and a cache that it is fetched into.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use fastburn::datasets::{Cache, DataSet, Fetch, Sha256};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::Digest;
use tempfile::{TempDir, tempdir};

use crate::http_server::{HttpServer, Request};
use crate::support::mnist;

/// A data set of noise: `photos/{train,valid}/{dark,light}`, so many images a class.
pub fn noise(images: usize) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(gzip);
    for part in ["train", "valid"] {
        for (class, base) in [("dark", 0_u8), ("light", 128)] {
            for index in 0..images {
                let grey = image::GrayImage::from_fn(8, 8, |_, _| {
                    image::Luma([base + rng.random_range(0..128_u8)])
                });
                let mut png = std::io::Cursor::new(Vec::new());
                grey.write_to(&mut png, image::ImageFormat::Png).unwrap();
                let png = png.into_inner();
                let mut header = tar::Header::new_gnu();
                header.set_size(png.len() as u64);
                header.set_mode(0o644);
                let path = format!("photos/{part}/{class}/{index}.png");
                archive.append_data(&mut header, path, &png[..]).unwrap();
            }
        }
    }
    archive.into_inner().unwrap().finish().unwrap()
}

pub static PHOTOS: LazyLock<Vec<u8>> = LazyLock::new(|| noise(20));

/// A folder in memory where there is such a thing: a thousand downloads are many writes.
pub fn quick_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempdir()).unwrap()
}

pub fn sha256(bytes: &[u8]) -> Sha256 {
    Sha256::new(sha2::Sha256::digest(bytes).into())
}

/// A cache of its own, and a data set at a server.
pub struct Place {
    pub folder: TempDir,
    pub set: DataSet,
}

impl Place {
    pub fn of(server: &HttpServer) -> Self {
        Self { folder: quick_folder(), set: DataSet::new("photos", server.url("photos.tgz")) }
    }

    pub fn cache(&self) -> Cache {
        Cache::in_folder(self.folder.path()).unwrap()
    }

    pub fn fetch(&self) -> Fetch<'static> {
        let soon = Duration::from_millis(1);
        Fetch::new(self.cache()).silence(Duration::from_millis(200)).retries(3, soon)
    }

    pub fn get(&self) -> fastburn::Result<PathBuf> {
        self.fetch().get(&self.set)
    }

    /// Fetches, and compares what came with what was sent.
    #[track_caller]
    pub fn get_whole(&self, archive: &[u8]) -> PathBuf {
        let path = self.get().unwrap();
        self.is_whole(archive);
        path
    }

    #[track_caller]
    pub fn is_whole(&self, archive: &[u8]) {
        let cached = self.cache().list().unwrap().remove(0);
        let origin = cached.origin.unwrap();
        assert_eq!((origin.sha256, origin.bytes), (sha256(archive), archive.len() as u64));
        assert_eq!(origin.files, files(&cached.folder.join("data")));
        assert!(!self.folder.path().join("work/photos/archive").exists());
        assert!(!self.folder.path().join("work/photos/unpacked").exists());
    }

    /// The error of a fetch that leaves nothing behind that could be taken for the data set.
    #[track_caller]
    pub fn get_fails(&self) -> String {
        let error = self.get().unwrap_err();
        assert!(self.cache().path(&self.set).unwrap().is_none());
        assert!(self.cache().list().unwrap().is_empty());
        let message = error.to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    }
}

pub fn files(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

pub fn ranges(server: &HttpServer) -> Vec<Option<usize>> {
    server.requests().iter().map(Request::from).collect()
}

/// Real MNIST's sample where it is, else a small archive.
pub fn real() -> Vec<u8> {
    mnist("mnist_sample.tgz").map_or_else(|| PHOTOS.clone(), |path| fs::read(path).unwrap())
}

pub fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header
}
