//! Safetensors files with a checksum, which reveals damage and truncation.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;

use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorView};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::regular;
use crate::error::{Error, Result};

/// The metadata entry that holds everything except the tensors, as one JSON object. The format does
/// not keep the order of several entries; with one, equal content gives equal bytes.
const ENTRY: &str = "fastburn";
/// The fields that this module adds to that object.
const KIND: &str = "kind";
const FORMAT_VERSION: &str = "format_version";
const WRITTEN_BY: &str = "fastburn_version";
const CHECKSUM: &str = "checksum";

/// The placeholder for the checksum while it is computed.
const BLANK: &str = "crc32:00000000";

const NOT_WHOLE: &str = "it is not a safetensors file, or it is truncated";

/// The limit of the safetensors library, in bytes.
const LARGEST_HEADER: u64 = 100_000_000;

/// A kind of file, and its format version: the newest that can be read, and the one written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileKind {
    pub name: &'static str,
    pub format_version: u64,
}

/// The content of a checksummed file.
#[derive(Debug)]
pub(crate) struct ChecksummedFile<'a> {
    pub about: Value,
    pub tensors: SafeTensors<'a>,
}

/// A tensor to store: type, shape and little-endian bytes.
pub(crate) type StoredTensor<'a> = (Dtype, Vec<usize>, &'a [u8]);

/// Returns the bytes of a checksummed file.
pub(crate) fn seal(
    kind: FileKind,
    mut about: Map<String, Value>,
    tensors: &BTreeMap<String, StoredTensor<'_>>,
) -> Result<Vec<u8>> {
    let failed = |error: SafeTensorError| {
        Error::file(format!("a {}", kind.name), format!("cannot be written ({error})"))
    };
    about.insert(KIND.to_owned(), kind.name.into());
    about.insert(FORMAT_VERSION.to_owned(), kind.format_version.into());
    about.insert(WRITTEN_BY.to_owned(), env!("CARGO_PKG_VERSION").into());
    about.insert(CHECKSUM.to_owned(), BLANK.into());
    let blank = Value::Object(about).to_string();
    let mut views = BTreeMap::new();
    for (name, (dtype, shape, bytes)) in tensors {
        let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(failed)?;
        views.insert(name.as_str(), view);
    }
    let text = with_checksum(&blank, BLANK, &checksum(&blank, &views));
    let entry = HashMap::from([(ENTRY.to_owned(), text)]);
    safetensors::serialize(views, Some(entry)).map_err(failed)
}

/// Reads a file of the given kind; a file of another kind is refused after its header.
pub(crate) fn read(kind: FileKind, path: &Path) -> Result<Vec<u8>> {
    let file = path.display().to_string();
    let failed = Error::read;
    let (mut open, length) = regular::open(path)?;
    let mut bytes = Vec::new();
    open.by_ref().take(8).read_to_end(&mut bytes).map_err(failed(path))?;
    let header = bytes.as_slice().try_into().map(u64::from_le_bytes);
    let header = header.map_err(|_| not_a(kind, &file, "it is too short"))?;
    if header > LARGEST_HEADER || header.saturating_add(8) > length {
        return Err(not_a(kind, &file, NOT_WHOLE));
    }
    open.by_ref().take(header).read_to_end(&mut bytes).map_err(failed(path))?;
    let text = bytes.get(8..).unwrap_or_default();
    entry(kind, &file, text)?;
    let tensors: Metadata = serde_json::from_slice(text).map_err(|error| damaged(&file, error))?;
    let expected = header.saturating_add(8).saturating_add(tensors.data_len() as u64);
    if expected != length {
        return Err(damaged(&file, format!("{length} bytes, expected {expected}")));
    }
    open.read_to_end(&mut bytes).map_err(failed(path))?;
    Ok(bytes)
}

/// Parses and verifies the bytes of a checksummed file; `file` names it in messages.
pub(crate) fn open<'a>(kind: FileKind, file: &str, bytes: &'a [u8]) -> Result<ChecksummedFile<'a>> {
    let header = bytes.first_chunk::<8>().map(|length| u64::from_le_bytes(*length));
    let header = header.and_then(|length| usize::try_from(length).ok());
    let header = header.and_then(|length| bytes.get(8..length.checked_add(8)?));
    let header = header.ok_or_else(|| not_a(kind, file, NOT_WHOLE))?;
    let (text, about) = entry(kind, file, header)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| damaged(file, error))?;
    let found = about.get(CHECKSUM).and_then(Value::as_str).unwrap_or_default();
    let blank = with_checksum(&text, found, BLANK);
    if found != checksum(&blank, &tensors.iter().collect()) {
        return Err(damaged(file, "its checksum does not match"));
    }
    Ok(ChecksummedFile { about: Value::Object(about), tensors })
}

/// Returns fastburn's entry in a safetensors header, as text and as an object, if the file is of
/// the given kind and not too new.
fn entry(kind: FileKind, file: &str, header: &[u8]) -> Result<(String, Map<String, Value>)> {
    #[derive(Deserialize)]
    struct Header {
        #[serde(default, rename = "__metadata__")]
        metadata: HashMap<String, String>,
    }
    let mut header: Header = serde_json::from_slice(header)
        .map_err(|error| not_a(kind, file, &format!("its header is damaged ({error})")))?;
    let text = header
        .metadata
        .remove(ENTRY)
        .ok_or_else(|| not_a(kind, file, "it is a safetensors file that fastburn did not write"))?;
    let about: Map<String, Value> = serde_json::from_str(&text)
        .map_err(|error| damaged(file, format!("its metadata cannot be read ({error})")))?;
    let found = about.get(KIND).and_then(Value::as_str).unwrap_or("file without a kind");
    if found != kind.name {
        return Err(not_a(kind, file, &format!("it is a fastburn {found}")));
    }
    match about.get(FORMAT_VERSION).and_then(Value::as_u64) {
        Some(found) if found > kind.format_version => Err(Error::Newer {
            file: file.to_owned(),
            found,
            newest: kind.format_version,
            writer: about.get(WRITTEN_BY).and_then(Value::as_str).unwrap_or("?").to_owned(),
        }),
        Some(_) => Ok((text, about)),
        None => Err(damaged(file, "it has no format version")),
    }
}

/// Replaces one checksum in the text by another.
///
/// The checksum covers the text itself, not its JSON value, which has several representations. The
/// pattern cannot occur within a name, whose quotes would be escaped.
fn with_checksum(text: &str, before: &str, after: &str) -> String {
    let field = |checksum| format!("\"{CHECKSUM}\":\"{checksum}\"");
    text.replacen(&field(before), &field(after), 1)
}

/// Returns the CRC-32 of the text, with a blank checksum, and of the tensors, sorted by name.
fn checksum(blank: &str, tensors: &BTreeMap<&str, TensorView<'_>>) -> String {
    let mut crc = crc32fast::Hasher::new();
    crc.update(blank.as_bytes());
    for (name, tensor) in tensors {
        let head = serde_json::json!([name, tensor.dtype(), tensor.shape()]);
        crc.update(head.to_string().as_bytes());
        crc.update(tensor.data());
    }
    format!("crc32:{:08x}", crc.finalize())
}

fn not_a(kind: FileKind, file: &str, problem: &str) -> Error {
    Error::file(file, format!("not a {}: {problem}", kind.name))
}

fn damaged(file: &str, problem: impl std::fmt::Display) -> Error {
    Error::file(file, format!("damaged: {problem}")).with_remedy("use another copy".into())
}
