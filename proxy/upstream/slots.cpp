// A line for each worker, in the order of its tickets.
#include "upstream/slots.h"

namespace ringside::upstream {

Slots::Answer Slots::ask(const Bounds& bounds, Ticket ticket, Time now) {
  const std::scoped_lock lock(mutex_);
  if (taken_ < bounds.connections) {
    ++taken_;
    return Answer::taken;
  }
  // a connection of another worker that has nothing to do is given up for this one: that is no line
  if (waiting_ >= bounds.waiting + idle_) return Answer::full;
  if (ticket.worker >= lines_.size()) lines_.resize(ticket.worker + 1);
  lines_[ticket.worker].emplace(ticket.number, now);
  ++waiting_;
  return Answer::waits;
}

bool Slots::leave(Ticket ticket) {
  const std::scoped_lock lock(mutex_);
  if (ticket.worker >= lines_.size() || lines_[ticket.worker].erase(ticket.number) == 0) {
    return false;
  }
  --waiting_;
  return true;
}

std::optional<Slots::Ticket> Slots::give_back() {
  const std::scoped_lock lock(mutex_);
  if (const auto worker = longest_waiting(std::nullopt)) return pop(*worker);
  --taken_;
  return std::nullopt;
}

std::optional<Slots::Ticket> Slots::next_of(unsigned worker) {
  const std::scoped_lock lock(mutex_);
  const auto* own = first_of(worker);
  if (own == nullptr) return std::nullopt;
  const auto other = longest_waiting(worker);
  if (other && first_of(*other)->second + kPatience < own->second) return std::nullopt;
  return pop(worker);
}

bool Slots::begin_idle() {
  const std::scoped_lock lock(mutex_);
  if (waiting_ > 0) return false;
  ++idle_;
  return true;
}

void Slots::end_idle() {
  const std::scoped_lock lock(mutex_);
  --idle_;
}

std::size_t Slots::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_;
}

std::size_t Slots::idle() const {
  const std::scoped_lock lock(mutex_);
  return idle_;
}

const Slots::Line::value_type* Slots::first_of(unsigned worker) const {
  if (worker >= lines_.size() || lines_[worker].empty()) return nullptr;
  return &*lines_[worker].begin();
}

std::optional<unsigned> Slots::longest_waiting(std::optional<unsigned> but) const {
  std::optional<unsigned> longest;
  for (unsigned worker = 0; worker < lines_.size(); ++worker) {
    const auto* first = first_of(worker);
    if (first == nullptr || worker == but) continue;
    if (!longest || first->second < first_of(*longest)->second) longest = worker;
  }
  return longest;
}

Slots::Ticket Slots::pop(unsigned worker) {
  Line& line = lines_[worker];
  const Ticket ticket{worker, line.begin()->first};
  line.erase(line.begin());
  --waiting_;
  return ticket;
}

}  // namespace ringside::upstream
