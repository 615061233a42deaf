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
    /// Of the connections that are opened from now on.
    stretch: Arc<Mutex<Arc<Stretch>>>,
}

/// The connections between two calls of [`Cutter::cut_at`]. Each call begins
/// another: what is late on an old connection neither counts nor cuts there.
struct Stretch {
    server: PathBuf,
    passed: AtomicU64,
    cut_at: AtomicU64,
    ends: Mutex<Vec<(TcpStream, UnixStream)>>,
}

impl Cutter {
    pub(crate) fn before(cluster: &Cluster) -> Cutter {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = cluster.socket_dir().join(".s.PGSQL.5432");
        let stretch = Arc::new(Mutex::new(Stretch::new(server, u64::MAX)));
        std::thread::spawn({
            let stretch = stretch.clone();
            // To the end of the test run.
            move || {
                for client in listener.incoming() {
                    let current = stretch.lock().unwrap().clone();
                    current.connect(client.unwrap());
                }
            }
        });
        Cutter { port, stretch }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        let port = self.port;
        format!("postgres://postgres@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// Cuts at the message of this number of the connections that are opened
    /// from now on, counted from 1.
    pub(crate) fn cut_at(&self, message: u64) {
        let mut stretch = self.stretch.lock().unwrap();
        *stretch = Stretch::new(stretch.server.clone(), message);
    }

    /// Cuts at the message of this number from now, while nothing is under way.
    pub(crate) fn cut_after(&self, message: u64) {
        let stretch = self.stretch.lock().unwrap();
        let passed = stretch.passed.load(Ordering::SeqCst);
        stretch.cut_at.store(passed + message, Ordering::SeqCst);
    }

    /// Whether the last cut has come.
    pub(crate) fn has_cut(&self) -> bool {
        let stretch = self.stretch.lock().unwrap();
        stretch.passed.load(Ordering::SeqCst) >= stretch.cut_at.load(Ordering::SeqCst)
    }
}

impl Stretch {
    fn new(server: PathBuf, cut_at: u64) -> Arc<Stretch> {
        Arc::new(Stretch {
            server,
            passed: AtomicU64::new(0),
            cut_at: AtomicU64::new(cut_at),
            ends: Mutex::default(),
        })
    }

    fn connect(self: &Arc<Stretch>, client: TcpStream) {
        let server = UnixStream::connect(&self.server).unwrap();
        client.set_nodelay(true).unwrap();
        let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
        self.ends.lock().unwrap().push(ends);
        let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let stretch = self.clone();
        std::thread::spawn(move || {
            // The first message of a client has no type.
            drop(stretch.pass(&from_client, &to_server, true));
            drop(to_server.shutdown(Shutdown::Both));
        });
        let stretch = self.clone();
        std::thread::spawn(move || {
            drop(stretch.pass(&server, &client, false));
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
