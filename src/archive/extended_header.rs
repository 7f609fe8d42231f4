//! What a tar says of an entry ahead of it: GNU's long names and pax records.

/// What stands ahead of the next entry.
#[derive(Debug, Default)]
pub(super) struct ExtendedHeader {
    /// Its name, where the header has no room for it.
    pub name: Option<Vec<u8>>,
    /// Its size, where pax repeats or replaces the header's.
    pub size: Option<Vec<u8>>,
    /// Whether it is a file with holes.
    pub is_sparse: bool,
}

impl ExtendedHeader {
    /// Takes GNU's form of a long name.
    pub fn take_long_name(&mut self, mut name: Vec<u8>) -> Result<(), &'static str> {
        if name.last() == Some(&0) {
            name.pop();
        }
        self.set_name(name)
    }

    /// Takes pax records: `<length> <key>=<value>\n`, the length being that of the whole record.
    pub fn take_records(&mut self, mut records: &[u8]) -> Result<(), &'static str> {
        const MALFORMED: &str = "its pax header is malformed";
        while !records.is_empty() {
            let blank = records.iter().position(|&byte| byte == b' ').ok_or(MALFORMED)?;
            let length = std::str::from_utf8(&records[..blank]).ok();
            let length: usize = length.and_then(|text| text.parse().ok()).ok_or(MALFORMED)?;
            // The value may have any bytes, line ends too.
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

    /// Whether anything is known of the next entry.
    pub fn is_anything(&self) -> bool {
        self.name.is_some() || self.size.is_some() || self.is_sparse
    }

    fn set_name(&mut self, name: Vec<u8>) -> Result<(), &'static str> {
        // Which of two counts is not the same for all readers.
        match self.name.replace(name) {
            Some(_) => Err("it has two long names"),
            None => Ok(()),
        }
    }
}
