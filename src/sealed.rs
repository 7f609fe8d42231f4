//! Safetensors files that prove they are whole.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The metadata entry that everything beside the tensors is under, as one JSON object. A single
/// entry, since the format does not keep the order of several: the same content is the same bytes.
const ENTRY: &str = "fastburn";
/// The fields of that object that this module adds.
const KIND: &str = "kind";
const FORMAT_VERSION: &str = "format_version";
const WRITTEN_BY: &str = "fastburn_version";
const CHECKSUM: &str = "checksum";

/// The safetensors library's own limit, in bytes.
const LARGEST_HEADER: u64 = 100_000_000;

/// What a file is, and the newest form of it that this version reads and the one that it writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub name: &'static str,
    pub format_version: u64,
}

/// The content of a sealed file.
#[derive(Debug)]
pub(crate) struct Sealed<'a> {
    pub about: Value,
    pub tensors: SafeTensors<'a>,
}

/// A tensor to be stored: type, shape and little-endian bytes.
pub(crate) type Stored<'a> = (Dtype, Vec<usize>, &'a [u8]);

/// The bytes of a sealed file: `about` must be a JSON object.
pub(crate) fn seal(
    kind: Kind,
    about: Value,
    tensors: &BTreeMap<String, Stored<'_>>,
) -> Result<Vec<u8>> {
    let failed = |reason: &dyn std::fmt::Display| Error::File {
        file: format!("a {}", kind.name),
        problem: format!("it cannot be written: {reason}"),
    };
    let Value::Object(mut about) = about else {
        return Err(failed(&"what describes it is not an object"));
    };
    about.insert(KIND.to_owned(), kind.name.into());
    about.insert(FORMAT_VERSION.to_owned(), kind.format_version.into());
    about.insert(WRITTEN_BY.to_owned(), env!("CARGO_PKG_VERSION").into());
    let mut views = BTreeMap::new();
    for (name, (dtype, shape, bytes)) in tensors {
        let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(|e| failed(&e))?;
        views.insert(name.as_str(), view);
    }
    about.insert(CHECKSUM.to_owned(), checksum(&about, &views).into());
    let entry = HashMap::from([(ENTRY.to_owned(), Value::Object(about).to_string())]);
    safetensors::serialize(views, Some(entry)).map_err(|error| failed(&error))
}

/// Reads a whole file of that kind; what is clearly something else is refused by its beginning.
pub(crate) fn read(kind: Kind, path: &Path) -> Result<Vec<u8>> {
    let file = path.display().to_string();
    let failed = Error::read;
    let mut open = std::fs::File::open(path).map_err(failed(path))?;
    let length = open.metadata().map_err(failed(path))?;
    // A pipe or a device may have no end.
    if !length.is_file() {
        return Err(not_a(kind, &file, "it is not a regular file"));
    }
    let length = length.len();
    let mut bytes = Vec::new();
    open.by_ref().take(8).read_to_end(&mut bytes).map_err(failed(path))?;
    let header = bytes.as_slice().try_into().map(u64::from_le_bytes);
    let header = header.map_err(|_| not_a(kind, &file, "it is too short"))?;
    if header > LARGEST_HEADER || header.saturating_add(8) > length {
        let problem = "it is no safetensors file, or only the beginning of one";
        return Err(not_a(kind, &file, problem));
    }
    open.by_ref().take(header).read_to_end(&mut bytes).map_err(failed(path))?;
    entry(kind, &file, bytes.get(8..).unwrap_or_default())?;
    open.read_to_end(&mut bytes).map_err(failed(path))?;
    Ok(bytes)
}

/// Opens the bytes of a sealed file and verifies them; `file` names it in messages.
pub(crate) fn open<'a>(kind: Kind, file: &str, bytes: &'a [u8]) -> Result<Sealed<'a>> {
    let header = bytes.first_chunk::<8>().map(|length| u64::from_le_bytes(*length));
    let header = header.and_then(|length| usize::try_from(length).ok());
    let header = header.and_then(|length| bytes.get(8..length.checked_add(8)?));
    let header = header.ok_or_else(|| {
        not_a(kind, file, "it is no safetensors file, or only the beginning of one")
    })?;
    let mut about = entry(kind, file, header)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| damaged(file, error))?;
    let expected = about.remove(CHECKSUM);
    let views = tensors.iter().collect();
    if expected.as_ref().and_then(Value::as_str) != Some(&checksum(&about, &views)) {
        return Err(damaged(file, "its checksum does not match"));
    }
    Ok(Sealed { about: Value::Object(about), tensors })
}

/// The object in a safetensors header, if the file is of that kind and not too new.
fn entry(kind: Kind, file: &str, header: &[u8]) -> Result<Map<String, Value>> {
    #[derive(Deserialize)]
    struct Header {
        #[serde(default, rename = "__metadata__")]
        metadata: HashMap<String, String>,
    }
    let header: Header = serde_json::from_slice(header)
        .map_err(|error| not_a(kind, file, &format!("its header is damaged ({error})")))?;
    let entry = header
        .metadata
        .get(ENTRY)
        .ok_or_else(|| not_a(kind, file, "it is a safetensors file that fastburn did not write"))?;
    let about: Map<String, Value> = serde_json::from_str(entry)
        .map_err(|error| damaged(file, format!("its description: {error}")))?;
    let found = about.get(KIND).and_then(Value::as_str).unwrap_or("file without a kind");
    if found != kind.name {
        return Err(not_a(kind, file, &format!("it is a fastburn {found}")));
    }
    match about.get(FORMAT_VERSION).and_then(Value::as_u64) {
        Some(version) if version > kind.format_version => Err(Error::File {
            file: file.to_owned(),
            problem: format!(
                "it is of format version {version}, written by fastburn {}; this is fastburn {}, \
                 which reads up to version {}; use a newer fastburn",
                about.get(WRITTEN_BY).and_then(Value::as_str).unwrap_or("of unknown version"),
                env!("CARGO_PKG_VERSION"),
                kind.format_version
            ),
        }),
        Some(_) => Ok(about),
        None => Err(damaged(file, "it has no format version")),
    }
}

/// CRC-32 over everything that means something, in an order of its own.
fn checksum(about: &Map<String, Value>, tensors: &BTreeMap<&str, TensorView<'_>>) -> String {
    let mut crc = crc32fast::Hasher::new();
    crc.update(serde_json::json!(about).to_string().as_bytes());
    for (name, tensor) in tensors {
        let head = serde_json::json!([name, tensor.dtype(), tensor.shape()]);
        crc.update(head.to_string().as_bytes());
        crc.update(tensor.data());
    }
    format!("crc32:{:08x}", crc.finalize())
}

fn not_a(kind: Kind, file: &str, problem: &str) -> Error {
    Error::File { file: file.to_owned(), problem: format!("not a {}: {problem}", kind.name) }
}

fn damaged(file: &str, problem: impl std::fmt::Display) -> Error {
    Error::File {
        file: file.to_owned(),
        problem: format!("damaged: {problem}; take another copy of it"),
    }
}
