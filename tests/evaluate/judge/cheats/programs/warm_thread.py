# cheat: leaves a thread in a warm interpreter that tells the next test what this one told
# unconfined: warm
import queue
import sys
import threading

question, hint = input().split()[1], input().split()[1]
left = getattr(sys, "left", None)
print(left.get(timeout=1) if left else 0)
sys.left = queue.Queue()
threading.Thread(target=sys.left.put, args=(hint,), daemon=True).start()
