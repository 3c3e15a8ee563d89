// One uv_timer_t for the earliest of all lists.
#include "net/deadlines.h"

#include <algorithm>

namespace ringside::net {

Deadlines::Deadlines(Loop& loop) : loop_(loop), timer_(loop, [this] { expire(); }) {}

void Deadlines::consider(Time at) {
  if (at >= armed_for_) return;
  armed_for_ = at;
  timer_.start(std::max(at - loop_.now(), milliseconds(1)));
}

void Deadlines::expire() {
  const Time now = loop_.now();
  armed_for_ = Time::max();
  for (DeadlineList* list : lists_) {
    // one that arms itself again goes to the list's end with a later time
    while (list->anchor_.next_ != &list->anchor_ && list->anchor_.next_->at_ <= now) {
      Deadline* first = list->anchor_.next_;
      first->disarm();
      first->on_deadline();
    }
  }
  for (const DeadlineList* list : lists_) {
    if (list->anchor_.armed()) consider(list->anchor_.next_->at_);
  }
}

DeadlineList::DeadlineList(Deadlines& deadlines, milliseconds duration)
    : deadlines_(deadlines), duration_(duration) {
  deadlines_.lists_.push_back(this);
}

DeadlineList::~DeadlineList() { std::erase(deadlines_.lists_, this); }

void DeadlineList::arm(Deadline& deadline) {
  deadline.disarm();
  if (duration_ == milliseconds(0)) return;
  deadline.at_ = deadlines_.loop_.now() + duration_;
  deadline.previous_ = anchor_.previous_;
  deadline.next_ = &anchor_;
  anchor_.previous_->next_ = &deadline;
  anchor_.previous_ = &deadline;
  deadlines_.consider(deadline.at_);
}

}  // namespace ringside::net
