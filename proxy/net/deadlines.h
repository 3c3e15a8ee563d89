// Timeouts of many connections with one timer: lists in order of expiry.
//
// Why      A timer a connection costs a heap operation for each request. All timeouts of one kind
//          last equally long, so a list that is appended to is always in order: arming, disarming
//          and expiring are O(1).
// Owns     Nothing but the timer; a Deadline is a part of its connection and leaves its list when
//          it dies.
// Time     Expiry is noticed within a few milliseconds, never early.
// Threads  One Deadlines a loop.
#pragma once

#include <vector>

#include "base/clock.h"
#include "net/timer.h"

namespace ringside::net {

class DeadlineList;

class Deadline {
 public:
  Deadline() : next_(this), previous_(this) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void disarm() {
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = this;
  }
  bool armed() const { return next_ != this; }

  // Called once, disarmed, when the time has come; may arm again or destroy the object's owner.
  virtual void on_deadline() = 0;

 protected:
  ~Deadline() { disarm(); }

 private:
  friend class DeadlineList;
  friend class Deadlines;
  Deadline* next_;
  Deadline* previous_;
  Time at_{};
};

class Deadlines {
 public:
  explicit Deadlines(Loop& loop);

 private:
  friend class DeadlineList;
  void consider(Time at);
  void expire();

  Loop& loop_;
  Timer timer_;
  Time armed_for_ = Time::max();
  std::vector<DeadlineList*> lists_;
};

// The deadlines of one duration. A duration of zero means never: arm() only disarms.
class DeadlineList {
 public:
  DeadlineList(Deadlines& deadlines, milliseconds duration);
  ~DeadlineList();
  DeadlineList(const DeadlineList&) = delete;
  DeadlineList& operator=(const DeadlineList&) = delete;

  // Starts (or starts anew) the time of `deadline`, wherever it was armed before.
  void arm(Deadline& deadline);

 private:
  friend class Deadlines;
  struct Anchor final : Deadline {
    void on_deadline() override {}
  };

  Deadlines& deadlines_;
  milliseconds duration_;
  Anchor anchor_;  // next_: the first to expire
};

}  // namespace ringside::net
