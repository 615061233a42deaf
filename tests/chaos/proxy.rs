//! A stretch of network between a worker and its server, on the loopback.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How the network is now.
#[derive(Default)]
struct Weather {
    /// Of each direction.
    latency_ms: AtomicU64,
    /// Nothing comes through, and nothing is closed.
    black_hole: AtomicBool,
    /// How many black holes there were: what was connected in one stays lost.
    holes: AtomicU64,
}

pub(crate) struct Proxy {
    port: u16,
    weather: Arc<Weather>,
}

impl Proxy {
    /// Listens on a port of the loopback, for a server on a Unix socket.
    pub(crate) fn before(socket_dir: &Path) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let weather = Arc::new(Weather::default());
        let server = socket_dir.join(".s.PGSQL.5432");
        std::thread::spawn({
            let weather = weather.clone();
            // To the end of the test run.
            move || {
                for client in listener.incoming() {
                    let (server, weather) = (server.clone(), weather.clone());
                    std::thread::spawn(move || connect(client.unwrap(), &server, &weather));
                }
            }
        });
        Proxy { port, weather }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        let port = self.port;
        format!("postgres://postgres@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    pub(crate) fn latency(&self, each_way: Duration) {
        let millis = u64::try_from(each_way.as_millis()).unwrap();
        self.weather.latency_ms.store(millis, Ordering::SeqCst);
    }

    pub(crate) fn black_hole(&self, on: bool) {
        if on {
            self.weather.holes.fetch_add(1, Ordering::SeqCst);
        }
        self.weather.black_hole.store(on, Ordering::SeqCst);
    }
}

fn connect(client: TcpStream, server: &Path, weather: &Arc<Weather>) {
    let born = weather.holes.load(Ordering::SeqCst);
    if weather.black_hole.load(Ordering::SeqCst) {
        return swallow(client);
    }
    let Ok(server) = UnixStream::connect(server) else {
        return;
    };
    client.set_nodelay(true).unwrap();
    let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let there = {
        let weather = weather.clone();
        std::thread::spawn(move || {
            forward(&from_client, &to_server, &weather, born);
            drop(to_server.shutdown(Shutdown::Write));
        })
    };
    forward(&server, &client, weather, born);
    drop(client.shutdown(Shutdown::Both));
    there.join().unwrap();
}

/// Passes on what comes, until it ends. What is under way in a black hole is
/// lost, the end of the connection included.
fn forward(mut from: impl Read, mut to: impl Write, weather: &Weather, born: u64) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(length) = from.read(&mut buffer) else {
            return;
        };
        let latency = weather.latency_ms.load(Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(latency));
        if weather.holes.load(Ordering::SeqCst) > born {
            return park(from);
        }
        if length == 0 || to.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// Takes what comes and tells nobody.
fn swallow(mut from: impl Read) {
    let mut buffer = vec![0; 64 * 1024];
    while from.read(&mut buffer).is_ok_and(|length| length > 0) {}
}

fn park(from: impl Read) {
    swallow(from);
    // The other side never hears of the end.
    loop {
        std::thread::park();
    }
}
