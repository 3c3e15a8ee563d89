// Counting, and the text that comes of it.
#include "observe/registry.h"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <limits>
#include <thread>

#include "exposition_check.h"

using namespace ringside::observe;
using test::exposition_fault;

TEST_CASE("registry: families come in the order of their declaration, series sorted by labels") {
  Registry registry;
  registry.declare_counter("z_total", "Last letter, first declared.");
  registry.declare_gauge("a", "First letter, declared later.");
  registry.cell("z_total", {{"pool", "b"}}).add(2);
  registry.cell("z_total", {{"pool", "a"}}).add(1);
  registry.gauge("a", {}, [] { return 1.5; });
  CHECK(registry.text() ==
        "# HELP z_total Last letter, first declared.\n"
        "# TYPE z_total counter\n"
        "z_total{pool=\"a\"} 1\n"
        "z_total{pool=\"b\"} 2\n"
        "# HELP a First letter, declared later.\n"
        "# TYPE a gauge\n"
        "a 1.5\n");
  CHECK(exposition_fault(registry.text()) == std::nullopt);
}

TEST_CASE("registry: cells and functions of one series are summed into one line") {
  Registry registry;
  registry.declare_counter("c_total", "Counts.");
  registry.declare_gauge("g", "Gauges.");
  registry.cell("c_total", {{"l", "x"}}).add();
  registry.cell("c_total", {{"l", "x"}}).add(10);
  registry.counter("c_total", {{"l", "x"}}, [] { return std::uint64_t{100}; });
  registry.gauge("g", {}, [] { return 0.25; });
  registry.gauge("g", {}, [] { return 0.5; });
  const std::string text = registry.text();
  CHECK(text.find("c_total{l=\"x\"} 111\n") != std::string::npos);
  CHECK(text.find("g 0.75\n") != std::string::npos);
}

TEST_CASE("registry: hostile label values and help cannot break their line") {
  Registry registry;
  registry.declare_counter("c_total", "Back\\slash and\nline feed.");
  registry.cell("c_total", {{"l", "q\" b\\ n\n}"}}).add();
  CHECK(registry.text() ==
        "# HELP c_total Back\\\\slash and\\nline feed.\n"
        "# TYPE c_total counter\n"
        "c_total{l=\"q\\\" b\\\\ n\\n}\"} 1\n");
  CHECK(exposition_fault(registry.text()) == std::nullopt);
}

TEST_CASE("registry: a counter keeps every digit of 64 bits and a gauge its odd values") {
  Registry registry;
  registry.declare_counter("c_total", "Counts.");
  registry.declare_gauge("g", "Gauges.");
  registry.cell("c_total", {}).add(std::numeric_limits<std::uint64_t>::max());
  registry.gauge("g", {{"v", "nan"}}, [] { return std::numeric_limits<double>::quiet_NaN(); });
  registry.gauge("g", {{"v", "more"}}, [] { return std::numeric_limits<double>::infinity(); });
  registry.gauge("g", {{"v", "less"}}, [] { return -std::numeric_limits<double>::infinity(); });
  registry.gauge("g", {{"v", "time"}}, [] { return 1795395106.125; });
  const std::string text = registry.text();
  CHECK(text.find("c_total 18446744073709551615\n") != std::string::npos);
  CHECK(text.find("{v=\"nan\"} NaN\n") != std::string::npos);
  CHECK(text.find("{v=\"more\"} +Inf\n") != std::string::npos);
  CHECK(text.find("{v=\"less\"} -Inf\n") != std::string::npos);
  CHECK(text.find("{v=\"time\"} 1795395106.125\n") != std::string::npos);
  CHECK(exposition_fault(text) == std::nullopt);
}

TEST_CASE("registry: a declared family without series still shows its help") {
  Registry registry;
  registry.declare_counter("c_total", "Counts.");
  CHECK(registry.text() == "# HELP c_total Counts.\n# TYPE c_total counter\n");
}

TEST_CASE("registry: a reference handed out stays good while ten thousand more are made") {
  Registry registry;
  registry.declare_counter("c_total", "Counts.");
  Cell& first = registry.cell("c_total", {{"l", "first"}});
  for (int i = 0; i < 10'000; ++i) registry.cell("c_total", {{"l", "rest"}}).add();
  first.add(7);
  CHECK(registry.text().find("c_total{l=\"first\"} 7\n") != std::string::npos);
  CHECK(registry.text().find("c_total{l=\"rest\"} 10000\n") != std::string::npos);
}

TEST_CASE("registry: no count is lost when threads count while another asks") {
  constexpr std::uint64_t kEach = 20'000;
  Registry registry;
  registry.declare_counter("c_total", "Counts.");
  Cell& shared = registry.cell("c_total", {{"l", "shared"}});
  std::atomic<int> running{2};
  const auto work = [&] {
    Cell& own = registry.cell("c_total", {{"l", "own"}});
    for (std::uint64_t i = 0; i < kEach; ++i) {
      own.add();
      shared.add_shared();
    }
    --running;
  };
  std::thread one(work);
  std::thread two(work);
  while (running > 0) CHECK(exposition_fault(registry.text()) == std::nullopt);
  one.join();
  two.join();
  CHECK(registry.text().find("{l=\"own\"} 40000\n") != std::string::npos);
  CHECK(registry.text().find("{l=\"shared\"} 40000\n") != std::string::npos);
}

TEST_CASE("exposition check: it finds the faults that it is there to find") {
  const std::string head = "# HELP c_total Counts.\n# TYPE c_total counter\n";
  CHECK(exposition_fault(head + "c_total{l=\"a\"} 1\n") == std::nullopt);
  CHECK(exposition_fault(head + "c_total 1") != std::nullopt);
  CHECK(exposition_fault(head + "c_total one\n") != std::nullopt);
  CHECK(exposition_fault(head + "other_total 1\n") != std::nullopt);
  CHECK(exposition_fault(head + "c_total{l=\"a\",l=\"b\"} 1\n") != std::nullopt);
  CHECK(exposition_fault(head + "c_total{l=\"\\x\"} 1\n") != std::nullopt);
  CHECK(exposition_fault(head + "c_total{l=\"b\"} 1\nc_total{l=\"a\"} 1\n") != std::nullopt);
  CHECK(exposition_fault(head + "c_total{l=\"a\"} 1\nc_total{l=\"a\"} 1\n") != std::nullopt);
  CHECK(exposition_fault(head + head) != std::nullopt);
  CHECK(exposition_fault("# TYPE c_total counter\n") != std::nullopt);
  CHECK(exposition_fault("# HELP c Counts.\n# TYPE c counter\n") != std::nullopt);
}
