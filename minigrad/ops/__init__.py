"""The records: every op, declared once. `minigrad.NAME` and `Tensor.NAME` come from here.

Reading order: elementwise (the plainest records), reduce, layout, linalg, fused (softmax and losses), random.
"""
