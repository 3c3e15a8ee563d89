// Families in a vector, their series in a map by rendered labels, so that the text is the same at
// each asking.
#include "observe/registry.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>

namespace ringside::observe {
namespace {

enum class Type : std::uint8_t { counter, gauge };

struct Series {
  std::vector<const Cell*> cells;
  std::vector<std::function<std::uint64_t()>> counters;
  std::vector<std::function<double()>> gauges;
};

struct Family {
  std::string name;
  std::string help;
  Type type;
  std::map<std::string, Series, std::less<>>
      series;  // by "{name="value",...}", empty without labels
};

[[noreturn]] void die(const char* what, std::string_view name) {
  std::fprintf(stderr, "metrics: %s: %.*s\n", what, static_cast<int>(name.size()), name.data());
  std::abort();
}

// Backslash and line feed, and in a label value the quote.
void append_escaped(std::string& out, std::string_view text, bool quoted) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quoted) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

std::string label_text(Labels labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    text += text.empty() ? '{' : ',';
    text += name;
    text += "=\"";
    append_escaped(text, value, true);
    text += '"';
  }
  if (!text.empty()) text += '}';
  return text;
}

template <class Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), result.ptr);
}

void append_gauge(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    append_number(out, value);
  }
}

void append_value(std::string& out, Type type, const Series& series) {
  if (type == Type::gauge) {
    double sum = 0;
    for (const auto& read : series.gauges) sum += read();
    append_gauge(out, sum);
    return;
  }
  std::uint64_t sum = 0;
  for (const Cell* cell : series.cells) sum += cell->value();
  for (const auto& read : series.counters) sum += read();
  append_number(out, sum);
}

void append_family(std::string& out, const Family& family) {
  out += "# HELP ";
  out += family.name;
  out += ' ';
  append_escaped(out, family.help, false);
  out += "\n# TYPE ";
  out += family.name;
  out += family.type == Type::counter ? " counter\n" : " gauge\n";
  for (const auto& [labels, series] : family.series) {
    out += family.name;
    out += labels;
    out += ' ';
    append_value(out, family.type, series);
    out += '\n';
  }
}

}  // namespace

struct Registry::Body {
  Family* find(std::string_view name) {
    for (Family& family : families) {
      if (family.name == name) return &family;
    }
    return nullptr;
  }

  void declare(std::string_view name, std::string_view help, Type type) {
    const std::lock_guard lock(mutex);
    if (find(name) != nullptr) die("declared twice", name);
    families.push_back({std::string(name), std::string(help), type, {}});
  }

  Series& series(std::string_view name, Labels labels, Type type) {
    Family* family = find(name);
    if (family == nullptr) die("not declared", name);
    if (family->type != type) die("declared as another type", name);
    return family->series[label_text(labels)];
  }

  std::mutex mutex;  // guards all below; cells are read without it
  std::vector<Family> families;
  std::deque<Cell> cells;
};

Registry::Registry() : body_(std::make_unique<Body>()) {}
Registry::~Registry() = default;

void Registry::declare_counter(std::string_view name, std::string_view help) {
  body_->declare(name, help, Type::counter);
}

void Registry::declare_gauge(std::string_view name, std::string_view help) {
  body_->declare(name, help, Type::gauge);
}

Cell& Registry::cell(std::string_view name, Labels labels) {
  const std::lock_guard lock(body_->mutex);
  Series& series = body_->series(name, labels, Type::counter);
  Cell& cell = body_->cells.emplace_back();
  series.cells.push_back(&cell);
  return cell;
}

void Registry::gauge(std::string_view name, Labels labels, std::function<double()> read) {
  const std::lock_guard lock(body_->mutex);
  body_->series(name, labels, Type::gauge).gauges.push_back(std::move(read));
}

void Registry::counter(std::string_view name, Labels labels, std::function<std::uint64_t()> read) {
  const std::lock_guard lock(body_->mutex);
  body_->series(name, labels, Type::counter).counters.push_back(std::move(read));
}

std::string Registry::text() const {
  const std::lock_guard lock(body_->mutex);
  std::string out;
  for (const Family& family : body_->families) append_family(out, family);
  return out;
}

}  // namespace ringside::observe
