//! A stretch of network that breaks at a chosen message.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::cluster::Cluster;

/// Passes on whole messages of PostgreSQL's protocol, in both directions, and
/// counts them. The one at which it cuts is lost, and so is every connection:
/// a statement that never arrives, or an answer that is never heard.
pub(crate) struct Cutter {
    port: u16,
    line: Arc<Line>,
}

struct Line {
    server: PathBuf,
    passed: AtomicU64,
    cut_at: AtomicU64,
    ends: Mutex<Vec<(TcpStream, UnixStream)>>,
}

impl Cutter {
    pub(crate) fn before(cluster: &Cluster) -> Cutter {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = Arc::new(Line {
            server: cluster.socket_dir().join(".s.PGSQL.5432"),
            passed: AtomicU64::new(0),
            cut_at: AtomicU64::new(u64::MAX),
            ends: Mutex::default(),
        });
        std::thread::spawn({
            let line = line.clone();
            // To the end of the test run.
            move || {
                for client in listener.incoming() {
                    line.connect(client.unwrap());
                }
            }
        });
        Cutter { port, line }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        let port = self.port;
        format!("postgres://postgres@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// Cuts at the message of this number from now, counted from 1.
    pub(crate) fn cut_at(&self, message: u64) {
        self.line.passed.store(0, Ordering::SeqCst);
        self.line.cut_at.store(message, Ordering::SeqCst);
    }

    /// Whether the last cut has come.
    pub(crate) fn has_cut(&self) -> bool {
        self.line.passed.load(Ordering::SeqCst) >= self.line.cut_at.load(Ordering::SeqCst)
    }
}

impl Line {
    fn connect(self: &Arc<Line>, client: TcpStream) {
        let server = UnixStream::connect(&self.server).unwrap();
        client.set_nodelay(true).unwrap();
        let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
        self.ends.lock().unwrap().push(ends);
        let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let line = self.clone();
        std::thread::spawn(move || {
            // The first message of a client has no type.
            drop(line.pass(&from_client, &to_server, true));
            drop(to_server.shutdown(Shutdown::Both));
        });
        let line = self.clone();
        std::thread::spawn(move || {
            drop(line.pass(&server, &client, false));
            drop(client.shutdown(Shutdown::Both));
        });
    }

    fn pass(&self, mut from: impl Read, mut to: impl Write, mut untyped: bool) -> io::Result<()> {
        loop {
            let mut message = vec![0; if untyped { 4 } else { 5 }];
            from.read_exact(&mut message)?;
            let length: [u8; 4] = message[message.len() - 4..].try_into().unwrap();
            let head = message.len();
            message.resize(head + u32::from_be_bytes(length) as usize - 4, 0);
            from.read_exact(&mut message[head..])?;
            untyped = false;
            let number = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
            if number >= self.cut_at.load(Ordering::SeqCst) {
                for (client, server) in self.ends.lock().unwrap().drain(..) {
                    drop(client.shutdown(Shutdown::Both));
                    drop(server.shutdown(Shutdown::Both));
                }
                return Ok(());
            }
            to.write_all(&message)?;
        }
    }
}
