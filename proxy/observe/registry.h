// Counters and gauges, and their text for Prometheus (exposition format 0.0.4).
//
// Why      Each worker counts in cells of its own, so that counting is one plain add; cells of one
//          series are summed when somebody asks.
// Owns     All cells, for its own life: a reference handed out stays good.
// Bounds   A series lives as long as the registry: labels come from the configuration, from code
//          and from status codes, never from a client's words.
// Threads  cell(), gauge(), counter() and text() take a lock and belong to cold paths: keep the
//          reference. Cell::add() is for one thread at a time; Cell::add_shared() for any.
//          Functions given to gauge() and counter() are called under that lock, on the thread that
//          asks for the text; they must not call the registry.
// Errors   A name that was not declared, or was twice, is a fault of the program: it ends with a
//          message.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringside::observe {

// A cache line of its own, so that workers which count the same thing do not take the line from
// each other.
class alignas(64) Cell {
 public:
  void add(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void add_shared(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class Registry {
 public:
  Registry();
  ~Registry();

  // Declares a family once; `help` is one line. Requires: the name was not declared before.
  void declare_counter(std::string_view name, std::string_view help);
  void declare_gauge(std::string_view name, std::string_view help);

  // A new cell of the series, starting at 0; requires: its family was declared as a counter.
  Cell& cell(std::string_view name, Labels labels);

  // A series whose value is read when somebody asks, from any thread. Several functions of one
  // series are summed, with each other and with its cells. Requires: what `read` looks at lives as
  // long as the registry is asked.
  void gauge(std::string_view name, Labels labels, std::function<double()> read);
  void counter(std::string_view name, Labels labels, std::function<std::uint64_t()> read);

  // Families in the order of their declaration, series sorted by their labels.
  std::string text() const;

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace ringside::observe
