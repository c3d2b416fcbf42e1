// A member's network for passes without training: its judgement, its predictions.
#pragma once

#include "trainer.hpp"

namespace KOHORT_ISA {

using kohort::Sampling;
using kohort::Table;

template <class T>
class Reader {
   public:
    Reader(const Spec& spec, const Member& member, Index most_rows)
        : spec_(spec), numbers_(static_cast<const T*>(member.numbers)),
          shape_(Shape::of<T>(spec, member.units)),
          network_(spec, shape_, numbers_, most_rows, false) {
        arena().begin(network_.bytes() + Arena::bytes<T>(shape_.size) +
                      Arena::bytes<T>(spec.outputs * MOST_BLOCK));
        variables_ = arena().template take<T>(shape_.size);
        scratch_ = arena().template take<T>(spec.outputs * MOST_BLOCK);
        network_.place(arena());
        shape_.read_all(static_cast<const T*>(member.params), variables_);
    }

    const T* pass(const Table& table, Index first, const Pass& how) {
        network_.bring(table.x, nullptr, first, how.rows);
        return network_.forward(variables_, how);
    }

    void judge(const Table& table, T* sums) {
        const T* y = static_cast<const T*>(table.y);
        const T* weight = static_cast<const T*>(table.weight);
        double loss = 0;
        std::vector<double> metrics(2 * spec_.metric_count);
        for (Index start = 0; start < table.rows; start += MOST_BLOCK) {
            const Index rows = rest(table.rows, start);
            const T *targets = y + start * spec_.targets, *own = weight + start;
            const T* raw = pass(table, start, {rows});
            const T* out = network_.activated();
            losses_of<T>(spec_, network_, raw, out, targets, own, rows, nullptr, scratch_,
                         [&](Index row, T value) { loss += double(own[row] * value); });
            measure(spec_, network_, raw, out, targets, own, T(1), rows, false, metrics.data());
        }
        sums[0] = T(loss);
        sums[1] = penalty_of<T>(spec_, shape_, numbers_, variables_, nullptr);
        for (std::size_t i = 0; i < metrics.size(); i++) sums[2 + i] = T(metrics[i]);
    }

    void outputs(const Table& table, Index first, const Pass& how, T* to) {
        pass(table, first, how);
        const T* out = network_.activated();
        const Index side = network_.side();
        for (Index b = 0; b < network_.blocks(); b++)
            for (Index r = 0; r < side && b * side + r < how.rows; r++)
                for (Index n = 0; n < spec_.outputs; n++)
                    to[(b * side + r) * spec_.outputs + n] = out[(b * spec_.outputs + n) * side + r];
    }

    static Index rest(Index rows, Index start, Index block = MOST_BLOCK) {
        return rows - start < block ? rows - start : block;
    }

   private:
    const Spec& spec_;
    const T* numbers_;
    Shape shape_;
    Network<T> network_;
    T *variables_, *scratch_;
};

}  // namespace KOHORT_ISA
