//! What both benches print with: figures beside their bars, and how busy the machine is.

/// Says what is measured, and how busy the machine is while it is.
pub(crate) fn title(what: &str) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "\n{what} (load average {}, {cores} cores)\n",
        if load.is_empty() { "unknown".into() } else { load.join(" ") }
    );
}

/// One line: what was measured, the figure, and whether it is within its bar.
pub(crate) fn line(what: &str, figure: f64, unit: &str, bar: Option<f64>) {
    let verdict = match bar {
        Some(bar) if figure <= bar => format!("bar {bar:>5}  ok"),
        Some(bar) => format!("bar {bar:>5}  MISSED"),
        None => String::new(),
    };
    println!("  {what:<60} {figure:>8.2} {unit:<5}  {verdict}");
}

/// Whether this is a bench run. `cargo test --benches` starts benches too, and wants nothing of them.
pub(crate) fn asked_for() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}
