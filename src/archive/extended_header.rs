//! Extended tar headers, which precede an entry: GNU long names and pax records.

/// The extended headers of the next entry.
#[derive(Debug, Default)]
pub(super) struct ExtendedHeader {
    /// The name, if the header has no room for it.
    pub name: Option<Vec<u8>>,
    /// The size, if pax repeats or replaces that of the header.
    pub size: Option<Vec<u8>>,
    /// Whether the entry is a sparse file.
    pub is_sparse: bool,
}

impl ExtendedHeader {
    /// Reads a GNU long name.
    pub fn take_long_name(&mut self, mut name: Vec<u8>) -> Result<(), &'static str> {
        if name.last() == Some(&0) {
            name.pop();
        }
        self.set_name(name)
    }

    /// Reads pax records: `<length> <key>=<value>\n`, where the length is that of the whole record.
    pub fn take_records(&mut self, mut records: &[u8]) -> Result<(), &'static str> {
        const MALFORMED: &str = "its pax header is malformed";
        while !records.is_empty() {
            let blank = records.iter().position(|&byte| byte == b' ').ok_or(MALFORMED)?;
            let length = std::str::from_utf8(&records[..blank]).ok();
            let length: usize = length.and_then(|text| text.parse().ok()).ok_or(MALFORMED)?;
            // A value may contain any bytes, including newlines.
            let record = records.get(blank + 1..length).ok_or(MALFORMED)?;
            let record = record.strip_suffix(b"\n").ok_or(MALFORMED)?;
            let equals = record.iter().position(|&byte| byte == b'=').ok_or(MALFORMED)?;
            match (&record[..equals], &record[equals + 1..]) {
                (b"path", value) => self.set_name(value.to_vec())?,
                (b"size", value) => self.size = Some(value.to_vec()),
                (key, _) => self.is_sparse |= key.starts_with(b"GNU.sparse."),
            }
            records = &records[length..];
        }
        Ok(())
    }

    /// Returns whether a name, a size or a sparse file was found.
    pub fn is_anything(&self) -> bool {
        self.name.is_some() || self.size.is_some() || self.is_sparse
    }

    fn set_name(&mut self, name: Vec<u8>) -> Result<(), &'static str> {
        // Readers disagree on which of two names counts.
        match self.name.replace(name) {
            Some(_) => Err("it has two long names"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record with its length in front, which counts its own digits.
    fn record(text: &str) -> Vec<u8> {
        let rest = text.len() + 2;
        let length = (rest + 1..).find(|length| length.to_string().len() + rest == *length);
        format!("{} {text}\n", length.unwrap()).into_bytes()
    }

    fn read(records: &[u8]) -> Result<ExtendedHeader, &'static str> {
        let mut header = ExtendedHeader::default();
        header.take_records(records).map(|()| header)
    }

    #[test]
    fn a_value_may_contain_newlines_equals_signs_and_what_looks_like_a_record() {
        let name = "a\n9 path=b\n=c";
        let records = [record("mtime=1.5"), record(&format!("path={name}")), record("size=7")];
        let header = read(&records.concat()).unwrap();
        assert_eq!(header.name.as_deref(), Some(name.as_bytes()));
        assert_eq!(header.size.as_deref(), Some(&b"7"[..]));
        assert!(header.is_anything() && !header.is_sparse);
        assert!(read(&record("GNU.sparse.major=1")).unwrap().is_sparse);
        assert!(!read(&record("comment=nothing")).unwrap().is_anything());
    }

    #[test]
    fn the_length_counts_its_own_digits() {
        for length in [1, 90, 91, 92, 93, 94, 980, 990] {
            let name = "n".repeat(length);
            let header = read(&record(&format!("path={name}"))).unwrap();
            assert_eq!(header.name, Some(name.into_bytes()));
        }
    }

    #[test]
    fn a_length_that_does_not_fit_the_record_is_malformed() {
        let malformed = [
            "0 path=a\n",
            "1 path=a\n",
            "8 path=a\n",
            "11 path=a\n",
            "+9 path=a\n1",
            "-9 path=a\n",
            "18446744073709551616 path=a\n",
            "path=a\n",
            "9 path=ab",
            "7 path\n",
            " 9",
        ];
        for records in malformed {
            assert!(read(records.as_bytes()).is_err(), "{records:?}");
        }
    }

    #[test]
    fn a_name_may_be_given_once() {
        let mut header = ExtendedHeader::default();
        header.take_long_name(b"long\0".to_vec()).unwrap();
        assert_eq!(header.name.as_deref(), Some(&b"long"[..]));
        assert!(header.take_records(&record("path=other")).is_err());
        assert!(read(&[record("path=a"), record("path=b")].concat()).is_err());
    }
}
