// Where a member's variables lie: in a row of parameters, and in the kernels' own memory.
#pragma once

#include <vector>

#include "simd.hpp"
#include "spec.hpp"

namespace KOHORT_ISA {

using kohort::Activation;
using kohort::Norm;
using kohort::Spec;

struct Variable {
    Index rows, columns;   // real
    Index row, place;      // in the kernels' memory: entries per row, first entry
    Index outer_row, outer_place;  // in a row of parameters
    bool kernel;
};

struct Layer {
    Index inputs, units;
    Index kernel, bias, gamma, beta, alpha, mean, variance;  // variables; -1 for none
};

struct Shape {
    std::vector<Variable> variables;
    std::vector<Layer> layers;  // the hidden ones, then the output
    Index trainable = 0;        // variables
    Index trained = 0;          // entries in the kernels' memory of those that are trained
    Index before_output = 0;    // and of those of hidden layers
    Index size = 0;             // of all
    Index outer_trained = 0;    // entries in a row of parameters of those that are trained
    Index outer_size = 0;       // and of all
    Index widest = 0;

    template <class T>
    static Shape of(const Spec& spec, const std::int32_t* units) {
        Shape shape;
        const bool normed = spec.norm != Norm::none;
        const bool batch = spec.norm == Norm::batch_before || spec.norm == Norm::batch_after;
        Index inputs = spec.features, outer_inputs = spec.features, outer = 0;
        const auto add = [&](Index rows, Index columns, Index outer_rows, Index outer_columns,
                             bool kernel) {
            Variable v{rows, columns, padded<T>(columns), shape.size, outer_columns,
                       outer, kernel};
            shape.size += rounded_up(v.rows * v.row, Simd<T>::lanes);
            outer += outer_rows * outer_columns;
            shape.variables.push_back(v);
            return Index(shape.variables.size()) - 1;
        };
        for (Index l = 0; l < spec.hidden; l++) {
            const Index n = units[l], w = spec.widths[l];
            Layer layer{inputs, n, -1, -1, -1, -1, -1, -1, -1};
            layer.kernel = add(inputs, n, outer_inputs, w, true);
            layer.bias = add(1, n, 1, w, false);
            if (normed) {
                layer.gamma = add(1, n, 1, w, false);
                layer.beta = add(1, n, 1, w, false);
            }
            if (spec.activation == Activation::prelu) layer.alpha = add(1, n, 1, w, false);
            inputs = n, outer_inputs = w;
            shape.layers.push_back(layer);
        }
        shape.before_output = shape.size;
        Layer output{inputs, spec.outputs, -1, -1, -1, -1, -1, -1, -1};
        output.kernel = add(inputs, spec.outputs, outer_inputs, spec.outputs, true);
        output.bias = add(1, spec.outputs, 1, spec.outputs, false);
        shape.layers.push_back(output);
        shape.trainable = Index(shape.variables.size());
        shape.trained = shape.size, shape.outer_trained = outer;
        if (batch)
            for (Index l = 0; l < spec.hidden; l++) {
                shape.layers[l].mean = add(1, units[l], 1, spec.widths[l], false);
                shape.layers[l].variance = add(1, units[l], 1, spec.widths[l], false);
            }
        shape.outer_size = outer;
        for (const Layer& layer : shape.layers)
            shape.widest = layer.units > shape.widest ? layer.units : shape.widest;
        shape.widest = spec.features > shape.widest ? spec.features : shape.widest;
        return shape;
    }

    // Copy the first `count` variables from or to a row of parameters, or of a state's arrays.
    template <class T>
    void read(const T* row, T* to, Index count) const {
        for (Index i = 0; i < count; i++) {
            const Variable& v = variables[i];
            for (Index r = 0; r < v.rows; r++)
                std::memcpy(to + v.place + r * v.row, row + v.outer_place + r * v.outer_row,
                            v.columns * sizeof(T));
        }
    }

    template <class T>
    void write(const T* from, T* row, Index count) const {
        for (Index i = 0; i < count; i++) {
            const Variable& v = variables[i];
            for (Index r = 0; r < v.rows; r++)
                std::memcpy(row + v.outer_place + r * v.outer_row, from + v.place + r * v.row,
                            v.columns * sizeof(T));
        }
    }
};

// Memory of a thread that is taken piece by piece and kept for its next call.
class Arena {
   public:
    // Begin again with at least so many bytes, all of them zero.
    void begin(std::size_t bytes) {
        if (memory_.size() < bytes + 64) memory_ = std::vector<unsigned char>(bytes + 64);
        else std::memset(memory_.data(), 0, bytes + 64);
        const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
        next_ = memory_.data() + (64 - address % 64) % 64;
    }

    template <class T>
    T* take(Index count) {
        T* piece = reinterpret_cast<T*>(next_);
        next_ += rounded_up(count * Index(sizeof(T)), 64);
        return piece;
    }

    template <class T>
    static std::size_t bytes(Index count) {
        return std::size_t(rounded_up(count * Index(sizeof(T)), 64));
    }

   private:
    std::vector<unsigned char> memory_;
    unsigned char* next_ = nullptr;
};

}  // namespace KOHORT_ISA
