//! An HTTP server on this machine, which misbehaves as it is told to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, sleep};
use std::time::Duration;

/// What a client asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its first line, such as `GET /digits.tgz HTTP/1.1`.
    pub line: String,
    /// By their names in small letters.
    pub headers: BTreeMap<String, String>,
    /// How many requests there were before.
    pub number: usize,
}

/// What the server does.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Such as `200 OK`.
    pub status: &'static str,
    pub headers: Vec<(&'static str, String)>,
    /// What stands for it in `Content-Length`, unless that is among the headers.
    pub body: Arc<Vec<u8>>,
    /// Where in the body it ends.
    pub cut: Option<usize>,
    /// Whether the connection stays open then, in silence.
    pub hangs: bool,
    /// How many bytes at a time, and the wait between them.
    pub pace: Option<(usize, Duration)>,
    /// Whether there is no `Content-Length`.
    pub without_length: bool,
}

impl Reply {
    pub fn new(status: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Arc::new(body.into()),
            cut: None,
            hangs: false,
            pace: None,
            without_length: false,
        }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Ends after that many bytes of the body.
    pub fn cut(mut self, at: usize) -> Self {
        self.cut = Some(at);
        self
    }

    /// Sends nothing more once it is cut.
    pub fn hangs(mut self) -> Self {
        self.hangs = true;
        self
    }

    pub fn pace(mut self, bytes: usize, wait: Duration) -> Self {
        self.pace = Some((bytes, wait));
        self
    }

    pub fn without_length(mut self) -> Self {
        self.without_length = true;
        self
    }
}

impl Request {
    /// Where the range begins that is asked for.
    pub fn from(&self) -> Option<usize> {
        let range = self.headers.get("range")?.strip_prefix("bytes=")?;
        range.strip_suffix('-').unwrap().parse().ok()
    }
}

/// A file, or the part of it that is asked for, under an entity tag.
pub fn file(bytes: &[u8], request: &Request) -> Reply {
    let tag = "\"v1\"";
    let same = request.headers.get("if-range").is_none_or(|known| known == tag);
    match request.from().filter(|_| same) {
        Some(from) if from >= bytes.len() => Reply::new("416 Range Not Satisfiable", ""),
        Some(from) => Reply::new("206 Partial Content", &bytes[from..])
            .header("Content-Range", format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len())),
        None => Reply::new("200 OK", bytes),
    }
    .header("ETag", tag)
}

/// What happened on a server.
#[derive(Debug, Default)]
struct Log {
    requests: Vec<Request>,
    sent: usize,
}

/// A server, until it is dropped.
pub struct HttpServer {
    pub port: u16,
    log: Arc<Mutex<Log>>,
    ended: Arc<AtomicBool>,
}

impl HttpServer {
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (log, ended) = (Arc::new(Mutex::new(Log::default())), Arc::new(AtomicBool::new(false)));
        let (seen, stop, answer) = (log.clone(), ended.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let (seen, stop, answer) = (seen.clone(), stop.clone(), answer.clone());
                // A client that goes away is no matter.
                thread::spawn(move || stream.and_then(|s| serve(s, &*answer, &seen, &stop)));
            }
        });
        Self { port, log, ended }
    }

    /// A server that has one file, and knows ranges.
    pub fn of(bytes: &[u8]) -> Self {
        let bytes = bytes.to_vec();
        Self::start(move |request| file(&bytes, request))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.log().requests.clone()
    }

    /// How many bytes of bodies were sent.
    pub fn sent(&self) -> usize {
        self.log().sent
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(
    mut stream: TcpStream,
    answer: &dyn Fn(&Request) -> Reply,
    log: &Mutex<Log>,
    ended: &AtomicBool,
) -> std::io::Result<()> {
    let mut request = read_request(&mut stream)?;
    {
        let mut log = log.lock().unwrap();
        request.number = log.requests.len();
        log.requests.push(request.clone());
    }
    let reply = answer(&request);
    let mut head = format!("HTTP/1.1 {}\r\nConnection: close\r\n", reply.status);
    let said = reply.headers.iter().any(|(name, _)| *name == "Content-Length");
    if !said && !reply.without_length {
        head += &format!("Content-Length: {}\r\n", reply.body.len());
    }
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    let body = &reply.body[..reply.cut.unwrap_or(reply.body.len())];
    let (bytes, wait) = reply.pace.unwrap_or((1 << 16, Duration::ZERO));
    for chunk in body.chunks(bytes) {
        {
            // Locked first: whoever has received the bytes finds them counted.
            let mut log = log.lock().unwrap();
            stream.write_all(chunk)?;
            log.sent += chunk.len();
        }
        sleep(wait);
    }
    stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    while reply.hangs && !ended.load(Ordering::Relaxed) {
        if let Ok(0) = stream.read(&mut [0; 64]) {
            break;
        }
    }
    Ok(())
}

pub fn read_request(stream: &mut TcpStream) -> std::io::Result<Request> {
    let mut lines = BufReader::new(stream).lines();
    let line = lines.next().unwrap_or(Ok(String::new()))?;
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    Ok(Request { line, headers, number: 0 })
}
