//! A proxy in front of a server. It counts the requests and can delay them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::http;

#[derive(Default)]
struct Counts {
    now: AtomicUsize,
    most: AtomicUsize,
    paths: Mutex<Vec<String>>,
}

/// What the proxy does with a request.
pub enum Treatment {
    /// Forwards it.
    Forward,
    /// Forwards it after a delay.
    Delay(Duration),
    /// Closes the connection without forwarding it.
    Lose,
    /// Forwards it, and closes the connection without an answer.
    LoseAnswer,
    /// Answers with this status line and these headers instead.
    Answer(&'static str),
}

/// Decides by method and path.
type Treat = dyn Fn(&str, &str) -> Treatment + Send + Sync;

pub struct Proxy {
    pub address: String,
    counts: Arc<Counts>,
}

impl Proxy {
    /// Forwards requests to the server at `upstream`, each after a delay.
    pub fn start(upstream: &str, delay: Duration) -> Self {
        Self::treating(upstream, move |_, _| Treatment::Delay(delay))
    }

    /// Treats each request as `treat` says.
    pub fn treating(
        upstream: &str,
        treat: impl Fn(&str, &str) -> Treatment + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let counts = Arc::new(Counts::default());
        let (shared, upstream) = (counts.clone(), upstream.to_owned());
        let treat: Arc<Treat> = Arc::new(treat);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (counts, upstream) = (shared.clone(), upstream.clone());
                let treat = treat.clone();
                std::thread::spawn(move || serve(stream, &upstream, &*treat, &counts));
            }
        });
        Self { address, counts }
    }

    /// The highest number of concurrent requests.
    pub fn most(&self) -> usize {
        self.counts.most.load(Ordering::SeqCst)
    }

    /// The paths that were requested since the last call.
    pub fn paths(&self) -> Vec<String> {
        std::mem::take(&mut self.counts.paths.lock().unwrap())
    }
}

/// Answers the requests of one connection, which is kept open.
fn serve(stream: TcpStream, upstream: &str, treat: &Treat, counts: &Counts) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
        let (method, path) = first
            .trim_end()
            .split_once(' ')
            .and_then(|(method, rest)| Some((method, rest.split(' ').next()?)))?;
        let (mut token, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "x-vault-token" => token = value.trim().to_owned(),
                "content-length" => length = value.trim().parse().ok()?,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        counts.most.fetch_max(
            counts.now.fetch_add(1, Ordering::SeqCst) + 1,
            Ordering::SeqCst,
        );
        let path = path.strip_prefix("/v1/").unwrap_or(path);
        counts.paths.lock().unwrap().push(path.to_owned());
        let treatment = treat(method, path);
        match &treatment {
            Treatment::Forward | Treatment::LoseAnswer => {}
            Treatment::Delay(delay) => std::thread::sleep(*delay),
            Treatment::Lose => return None,
            Treatment::Answer(head) => {
                counts.now.fetch_sub(1, Ordering::SeqCst);
                let text = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n");
                reader.get_mut().write_all(text.as_bytes()).ok()?;
                continue;
            }
        }
        let (status, answer) = http::request(
            upstream,
            method,
            path,
            &token,
            &String::from_utf8_lossy(&body),
        );
        counts.now.fetch_sub(1, Ordering::SeqCst);
        if matches!(treatment, Treatment::LoseAnswer) {
            return None;
        }
        let head = format!(
            "HTTP/1.1 {status} Ok\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        reader
            .get_mut()
            .write_all(format!("{head}{answer}").as_bytes())
            .ok()?;
    }
}
